import { create } from 'zustand';

interface Expanded {
  rows: Readonly<Record<string, boolean>>;
  toggle: (row: string, open: boolean) => void;
}

const useExpanded = create<Expanded>()((set) => ({
  rows: {},
  toggle: (row, open) => set(({ rows }) => ({ rows: { ...rows, [row]: open } })),
}));

/**
 * Whether a row is open, kept while the row is scrolled out of sight.
 * @param row unique among all tasks
 * @param byDefault until a person opened or closed it
 */
export function useRowOpen(row: string, byDefault: boolean): [boolean, () => void] {
  const chosen = useExpanded(({ rows }) => rows[row]);
  const toggle = useExpanded((state) => state.toggle);
  const open = chosen ?? byDefault;
  return [open, () => toggle(row, !open)];
}

import type { PermissionMode, TaskResources } from '@shadow/protocol';
import { create } from 'zustand';
import { persist } from 'zustand/middleware';

/** Tabs of the context pane. */
export type ContextTab = 'changes' | 'terminal' | 'stats';
/** Screens of the narrow layout. */
export type NarrowTab = 'tasks' | 'chat' | ContextTab;

interface Preferences {
  contextTab: ContextTab;
  diffStyle: 'unified' | 'split';
  hideWhitespace: boolean;
  /** What the composer was last set to. */
  repository: string | null;
  model: string | null;
  permissionMode: PermissionMode;
  budgetUsd: number | null;
  resources: TaskResources | null;
  bannerDismissed: boolean;
  /** Unsent text by place: `home` or a task's id. */
  drafts: Record<string, string>;
  /** Fingerprints of the patches a person ticked as viewed. */
  viewed: string[];
  set: (change: Partial<Omit<Preferences, 'set' | 'setDraft' | 'toggleViewed'>>) => void;
  setDraft: (place: string, text: string) => void;
  toggleViewed: (fingerprint: string) => void;
}

/** Ticks kept at most; the oldest go first. */
const VIEWED_KEPT = 500;

/** Choices of this person in this browser; kept across visits. */
export const usePreferences = create<Preferences>()(
  persist(
    (set) => ({
      contextTab: 'changes',
      diffStyle: 'unified',
      hideWhitespace: false,
      repository: null,
      model: null,
      permissionMode: 'ask',
      budgetUsd: null,
      resources: null,
      bannerDismissed: false,
      drafts: {},
      viewed: [],
      set: (change) => set(change),
      setDraft: (place, text) =>
        set(({ drafts: { [place]: _, ...others } }) => ({
          drafts: text === '' ? others : { ...others, [place]: text },
        })),
      toggleViewed: (fingerprint) =>
        set(({ viewed }) => ({
          viewed: viewed.includes(fingerprint)
            ? viewed.filter((known) => known !== fingerprint)
            : [...viewed, fingerprint].slice(-VIEWED_KEPT),
        })),
    }),
    { name: 'shadow.preferences', version: 1 },
  ),
);

interface Screen {
  narrowTab: NarrowTab;
  paletteOpen: boolean;
  shortcutsOpen: boolean;
  sidebarOpen: boolean;
  set: (change: Partial<Omit<Screen, 'set'>>) => void;
}

/** What is open on the screen right now; not kept. */
export const useScreen = create<Screen>()((set) => ({
  narrowTab: 'chat',
  paletteOpen: false,
  shortcutsOpen: false,
  sidebarOpen: false,
  set: (change) => set(change),
}));

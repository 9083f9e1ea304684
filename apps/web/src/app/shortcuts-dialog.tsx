import { Dialog } from '../ui/dialog.tsx';
import { Kbd } from '../ui/kbd.tsx';
import { SHORTCUTS } from './keyboard.ts';
import { useScreen } from './preferences.ts';

/** Lists the keys. */
export function ShortcutsDialog() {
  const open = useScreen(({ shortcutsOpen }) => shortcutsOpen);
  const set = useScreen((screen) => screen.set);
  return (
    <Dialog
      open={open}
      onOpenChange={(shortcutsOpen) => set({ shortcutsOpen })}
      title="Keyboard"
      className="max-w-sm"
    >
      <dl className="space-y-0.5">
        {SHORTCUTS.map(({ keys, does }) => (
          <div key={does} className="flex h-8 items-center justify-between gap-4 text-sm">
            <dt className="text-ink-2">{does}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

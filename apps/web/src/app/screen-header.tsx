import { PanelLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { useScreen } from './preferences.ts';
import { useViewport } from './viewport.ts';

/** The 44 px line above a screen. */
export function ScreenHeader({ title, children }: { title: ReactNode; children?: ReactNode }) {
  const viewport = useViewport();
  const set = useScreen((screen) => screen.set);
  return (
    <header className="flex h-11 shrink-0 items-center gap-2 px-3 max-md:h-12">
      {viewport === 'medium' && (
        <Button look="ghost" size="icon" aria-label="Task list" onClick={() => set({ sidebarOpen: true })}>
          <PanelLeft aria-hidden />
        </Button>
      )}
      <div className="min-w-0 flex-1 pl-1">{title}</div>
      {children}
    </header>
  );
}

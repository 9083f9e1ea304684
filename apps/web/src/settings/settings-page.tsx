import { useQuery } from '@tanstack/react-query';
import { ScreenHeader } from '../app/screen-header.tsx';
import { meQuery, providersQuery } from '../server/queries.ts';
import { ApiKeys } from './api-keys.tsx';
import { ProviderCard } from './provider-card.tsx';

/** Models, API keys, and what this installation is. */
export function SettingsPage() {
  const { data: me } = useQuery(meQuery);
  const providers = useQuery(providersQuery);
  return (
    <main className="flex h-full min-h-0 flex-col">
      <ScreenHeader title={<h1 className="font-semibold text-sm">Settings</h1>} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[680px] space-y-10 px-5 pt-4 pb-16 max-md:px-4">
          <section aria-labelledby="models-title">
            <h2 id="models-title" className="font-semibold text-base">
              Models
            </h2>
            <p className="mt-0.5 mb-3 text-ink-3 text-sm">
              Keys are stored encrypted on this server. They are never sent to a browser or an agent's
              commands.
            </p>
            {providers.error !== null && <p className="text-del text-sm">{providers.error.message}</p>}
            <div className="divide-y rounded-xl border">
              {(providers.data ?? []).map((provider) => (
                <ProviderCard key={provider.provider} settings={provider} />
              ))}
            </div>
          </section>
          <ApiKeys />
          {me !== undefined && (
            <p className="text-ink-3 text-xs">
              Shadow {me.version} · {me.agentMode} mode · signed in as {me.user.name || me.user.email}
            </p>
          )}
        </div>
      </div>
    </main>
  );
}

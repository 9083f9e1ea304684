import { useMutation, useQuery } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { api } from '../server/clients.ts';
import { apiKeysQuery, queryClient } from '../server/queries.ts';
import { Button } from '../ui/button.tsx';
import { Field } from './field.tsx';

/** Keys for the command line and scripts. */
export function ApiKeys() {
  const { data, error } = useQuery(apiKeysQuery);
  const [name, setName] = useState('');
  const create = useMutation({
    mutationFn: () => api.createApiKey({ body: { name: name.trim() } }),
    onSuccess: () => {
      setName('');
      refresh();
    },
  });
  const remove = useMutation({
    mutationFn: (apiKeyId: string) => api.deleteApiKey({ params: { apiKeyId } }),
    onSuccess: refresh,
  });
  const failure = error ?? create.error ?? remove.error;
  return (
    <section aria-labelledby="keys-title">
      <h2 id="keys-title" className="font-semibold text-base">
        API keys
      </h2>
      <p className="mt-0.5 mb-3 text-ink-3 text-sm">
        For the command line and your own scripts. A key acts as you.
      </p>
      {failure !== null && (
        <p role="alert" className="mb-2 text-del text-sm">
          {failure.message}
        </p>
      )}
      {create.data !== undefined && (
        <div role="status" className="mb-3 rounded-lg bg-accent-soft px-3 py-2 text-sm">
          <p>Copy it now; it is shown this once.</p>
          <code className="mt-1 block select-all font-mono text-xs [overflow-wrap:anywhere]">
            {create.data.key}
          </code>
        </div>
      )}
      <div className="divide-y rounded-xl border">
        {(data ?? []).map((key) => (
          <div key={key.id} className="flex h-12 items-center gap-3 pr-2 pl-4 text-sm">
            <span className="min-w-0 flex-1 truncate">{key.name ?? 'Unnamed'}</span>
            <code className="font-mono text-ink-3 text-xs">{key.start}…</code>
            <Button
              look="ghost"
              size="icon"
              aria-label={`Revoke ${key.name ?? 'key'}`}
              disabled={remove.isPending}
              onClick={() => remove.mutate(key.id)}
            >
              <Trash2 aria-hidden />
            </Button>
          </div>
        ))}
        <form
          className="flex items-end gap-2 px-4 py-3"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== '') create.mutate();
          }}
        >
          <div className="flex-1">
            <Field label="Name of a new key" value={name} onChange={setName} placeholder="laptop" />
          </div>
          <Button type="submit" disabled={name.trim() === '' || create.isPending}>
            Create
          </Button>
        </form>
      </div>
    </section>
  );
}

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
}

import type {
  ProviderId,
  ProviderSettings,
  ProviderTestResult,
  UpdateProviderRequest,
} from '@shadow/protocol';
import { useMutation } from '@tanstack/react-query';
import { Check, ChevronRight, CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { api } from '../server/clients.ts';
import { modelsQuery, providersQuery, queryClient } from '../server/queries.ts';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/cn.ts';
import { Spinner } from '../ui/spinner.tsx';
import { Field } from './field.tsx';

const PROVIDERS: Record<ProviderId, { name: string; hint: string; keyHint: string; urlHint: string }> = {
  anthropic: {
    name: 'Anthropic',
    hint: 'Claude models',
    keyHint: 'sk-ant-…',
    urlHint: 'https://api.anthropic.com/v1',
  },
  openai: { name: 'OpenAI', hint: 'GPT models', keyHint: 'sk-…', urlHint: 'https://api.openai.com/v1' },
  'openai-compatible': {
    name: 'OpenAI-compatible',
    hint: 'A local or hosted endpoint; a key is optional',
    keyHint: 'none needed for local endpoints',
    urlHint: 'http://127.0.0.1:11434/v1',
  },
};

const LOCAL_ENDPOINTS = ['http://127.0.0.1:11434/v1', 'http://127.0.0.1:1234/v1'];

/** A provider's key and endpoint, with a test that prints the provider's own words. */
export function ProviderCard({ settings }: { settings: ProviderSettings }) {
  const { name, hint, keyHint, urlHint } = PROVIDERS[settings.provider];
  const [open, setOpen] = useState(false);
  const [apiKey, setApiKey] = useState('');
  const [baseUrl, setBaseUrl] = useState(settings.baseUrl ?? '');
  const params = { provider: settings.provider };
  const body: UpdateProviderRequest = {
    ...(apiKey.trim() === '' ? {} : { apiKey: apiKey.trim() }),
    ...(baseUrl.trim() === '' ? {} : { baseUrl: baseUrl.trim() }),
  };
  const test = useMutation({ mutationFn: () => api.testProvider({ params, body }) });
  const save = useMutation({
    mutationFn: () => api.updateProvider({ params, body }),
    onSuccess: () => {
      setApiKey('');
      refresh();
    },
  });
  const forget = useMutation({ mutationFn: () => api.deleteProvider({ params }), onSuccess: refresh });
  const failure = save.error ?? forget.error ?? test.error;
  return (
    <div data-testid={`provider-${settings.provider}`}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left"
      >
        <ChevronRight
          aria-hidden
          className={cn('size-4 text-ink-3 transition-transform', open && 'rotate-90')}
        />
        <span className="min-w-0 flex-1">
          <span className="block font-medium text-sm">{name}</span>
          <span className="block text-ink-3 text-xs">{hint}</span>
        </span>
        <Source settings={settings} />
      </button>
      {open && (
        <form
          className="space-y-3 px-4 pb-4 pl-11 max-md:pl-4"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate();
          }}
        >
          <Field
            label="API key"
            type="password"
            autoComplete="off"
            value={apiKey}
            onChange={setApiKey}
            placeholder={
              settings.keySource === 'none' ? keyHint : 'a key is set; enter another to replace it'
            }
          />
          <Field label="Base URL" type="url" value={baseUrl} onChange={setBaseUrl} placeholder={urlHint} />
          {settings.provider === 'openai-compatible' && (
            <div className="flex flex-wrap gap-1.5">
              {LOCAL_ENDPOINTS.map((url) => (
                <Button
                  key={url}
                  size="small"
                  onClick={() => setBaseUrl(url)}
                  className="font-mono font-normal"
                >
                  {url.replace('http://', '')}
                </Button>
              ))}
            </div>
          )}
          {failure !== null && (
            <p role="alert" className="text-del text-sm">
              {failure.message}
            </p>
          )}
          {test.data !== undefined && <TestResult result={test.data} />}
          <div className="flex flex-wrap gap-2 pt-1">
            <Button type="submit" look="primary" disabled={save.isPending || Object.keys(body).length === 0}>
              Save
            </Button>
            <Button onClick={() => test.mutate()} disabled={test.isPending}>
              {test.isPending && <Spinner className="size-3.5" />} Test connection
            </Button>
            {settings.keySource === 'stored' && (
              <Button
                look="ghost"
                className="ml-auto"
                onClick={() => forget.mutate()}
                disabled={forget.isPending}
              >
                Forget key
              </Button>
            )}
          </div>
        </form>
      )}
    </div>
  );
}

function Source({ settings }: { settings: ProviderSettings }) {
  if (!settings.configured) return <span className="text-ink-3 text-xs">Not set up</span>;
  return (
    <span className="flex items-center gap-1.5 text-ink-2 text-xs">
      <Check className="size-3.5 text-add" aria-hidden />
      {settings.keySource === 'environment' ? 'From the environment' : 'Ready'}
    </span>
  );
}

/** What the provider said, in its own words, and the models it offers. */
function TestResult({ result }: { result: ProviderTestResult }) {
  if (!result.ok) {
    return (
      <div
        role="alert"
        data-testid="provider-error"
        className="rounded-lg bg-danger-soft px-3 py-2 text-del text-sm"
      >
        <p className="flex items-center gap-2 font-medium">
          <CircleAlert className="size-4 shrink-0" aria-hidden /> The connection does not work
        </p>
        <p className="mt-1 font-mono text-xs [overflow-wrap:anywhere]">{result.error?.message}</p>
      </div>
    );
  }
  return (
    <div role="status" className="rounded-lg bg-surface px-3 py-2 text-sm">
      <p className="flex items-center gap-2">
        <Check className="size-4 shrink-0 text-add" aria-hidden /> It works · {result.models.length} models
      </p>
      {result.models.length > 0 && (
        <ul className="mt-1.5 max-h-40 overflow-y-auto font-mono text-ink-2 text-xs leading-[18px]">
          {result.models.map((model) => (
            <li key={model}>{model}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: providersQuery.queryKey });
  void queryClient.invalidateQueries({ queryKey: modelsQuery.queryKey });
}

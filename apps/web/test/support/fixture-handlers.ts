import { type OperationId, ShadowError, type Task } from '@shadow/protocol';
import { addTask, appendEvents, type FixtureState, type FixtureTask } from './fixture-state.ts';

/** A parsed call. */
interface FixtureCall {
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  body: Record<string, unknown>;
}

/** What handlers may make the server tell its sockets. */
export interface FixtureAnnouncer {
  changed(fixture: FixtureTask, fromSeq: number): void;
  deleted(taskId: string): void;
}

type Handler = (call: FixtureCall) => unknown;

const user = { id: 'user-1', name: 'Ada', email: 'ada@example.org', role: 'owner' };

/** The operations that the UI calls, answered from the state. */
export function handlersOf(
  state: FixtureState,
  announcer: FixtureAnnouncer,
): Partial<Record<OperationId, Handler>> {
  const me = () => ({ user, version: '0.1.0', agentMode: 'local', capabilities: state.capabilities });
  const taskOf = ({ params }: FixtureCall): FixtureTask => {
    const fixture = state.tasks.get(String(params.taskId));
    if (fixture === undefined) throw new ShadowError('TASK_NOT_FOUND', 'There is no such task.');
    return fixture;
  };
  const setStatus = (fixture: FixtureTask, status: Task['status']) => {
    const from = fixture.task.lastSeq;
    appendEvents(fixture, [{ type: 'status', status, error: null }]);
    announcer.changed(fixture, from);
    return fixture.task;
  };
  return {
    signInWithToken: ({ body }) => {
      if (!state.tokens.delete(String(body.token))) {
        throw new ShadowError('TOKEN_INVALID', 'This sign-in token is not valid any more.');
      }
      state.signedIn = true;
      return me();
    },
    signOut: () => {
      state.signedIn = false;
    },
    getMe: me,
    listApiKeys: () => ({ apiKeys: [] }),
    listModels: () => ({
      models: state.models,
      defaultModel: state.models.find((model) => model.available)?.id ?? '',
    }),
    listProviders: () => ({ providers: state.providers }),
    testProvider: () => state.testResult,
    updateProvider: ({ params, body }) => {
      const provider = state.providers.find((known) => known.provider === params.provider);
      if (provider === undefined) throw new ShadowError('NOT_FOUND', 'There is no such provider.');
      Object.assign(provider, {
        keySource: 'stored',
        configured: true,
        baseUrl: body.baseUrl ?? provider.baseUrl,
      });
      return provider;
    },
    listRepositories: () => ({
      repositories: [
        { source: 'sample', name: 'Sample repository', kind: 'sample' },
        { source: '/srv/projects/parser', name: 'parser', kind: 'local' },
        { source: 'https://example.org/acme/web.git', name: 'acme/web', kind: 'remote' },
      ],
    }),
    listBranches: ({ query }) => {
      if (String(query.repository).includes('missing')) {
        throw new ShadowError('REPOSITORY_NOT_FOUND', 'There is no repository at this address.');
      }
      return { defaultBranch: 'main', branches: state.branches };
    },
    listTasks: () => ({
      tasks: [...state.tasks.values()].map(({ task }) => task).reverse(),
      nextCursor: null,
    }),
    createTask: ({ body }) => {
      if (String(body.prompt).includes('refuse')) {
        throw new ShadowError(
          'REPOSITORY_UNREACHABLE',
          'The repository cannot be reached; is the address right?',
        );
      }
      const fixture = addTask(state, {
        title: String(body.prompt).slice(0, 60),
        repository: String(body.repository),
        status: 'initializing',
      });
      appendEvents(fixture, [
        { type: 'status', status: 'initializing', error: null },
        { type: 'user-message', messageId: 'first', text: String(body.prompt) },
      ]);
      announcer.changed(fixture, 0);
      return fixture.task;
    },
    getTask: (call) => taskOf(call).task,
    deleteTask: (call) => {
      const { task } = taskOf(call);
      if (state.unsaved.has(task.id) && call.query.discardWork !== true) {
        throw new ShadowError(
          'WORKSPACE_HAS_UNSAVED_WORK',
          'The branch has 2 commits that are nowhere else.',
        );
      }
      state.tasks.delete(task.id);
      announcer.deleted(task.id);
    },
    sendMessage: (call) => {
      const fixture = taskOf(call);
      const messageId = `message-${fixture.task.lastSeq + 1}`;
      const from = fixture.task.lastSeq;
      appendEvents(fixture, [{ type: 'user-message', messageId, text: String(call.body.text) }]);
      announcer.changed(fixture, from);
      return { messageId, executionId: 'execution-next' };
    },
    updateTask: (call) => {
      const { task } = taskOf(call);
      Object.assign(task, call.body);
      return task;
    },
    stopTask: (call) => setStatus(taskOf(call), 'stopped'),
    retryTask: (call) => setStatus(taskOf(call), 'running'),
    archiveTask: (call) => setStatus(taskOf(call), 'archived'),
    listExecutions: (call) => ({ executions: taskOf(call).executions }),
    getDiff: (call) => {
      const { files } = taskOf(call);
      const sum = (key: 'additions' | 'deletions') => files.reduce((total, file) => total + file[key], 0);
      return { base: 'a'.repeat(40), files, additions: sum('additions'), deletions: sum('deletions') };
    },
    answerApproval: (call) => {
      const fixture = taskOf(call);
      const approval = fixture.approvals.find(({ id }) => id === call.params.approvalId);
      if (approval === undefined) throw new ShadowError('APPROVAL_NOT_FOUND', 'There is no such question.');
      approval.status = call.body.decision === 'allow' ? 'allowed' : 'denied';
      approval.scope = call.body.scope === 'task' ? 'task' : 'once';
      approval.note = typeof call.body.note === 'string' ? call.body.note : null;
      const from = fixture.task.lastSeq;
      appendEvents(fixture, [
        { type: 'approval-answered', approval },
        { type: 'status', status: 'running', error: null },
      ]);
      announcer.changed(fixture, from);
      return approval;
    },
  };
}

import { describeToolExecutor } from '../../src/execution/conformance/index.ts';
import { MockToolExecutor } from '../../src/execution/mock/mock-tool-executor.ts';
import { simulatedRemotes } from './support/simulated-remotes.ts';

describeToolExecutor(
  'mock',
  async ({ repository }) => {
    const executor = new MockToolExecutor();
    if (repository !== 'none') executor.initRepository('main');
    if (repository === 'committed') {
      executor.putFile('README.md', '# Seed\n');
      executor.commitAll('Seed', { name: 'Seed', email: 'seed@example.com' });
    }
    return {
      executor,
      capabilities: executor.capabilities,
      root: executor.rootPath,
      seed: {
        file: async (path, content, mode) => executor.putFile(path, content, mode),
        directory: async (path) => executor.putDirectory(path),
        link: async (path, target) => executor.putLink(path, target),
        clear: async () => executor.clear(),
      },
      dispose: () => executor.shutdown(),
    };
  },
  {
    remotes: async (executor) => {
      if (!(executor instanceof MockToolExecutor))
        throw new Error('A simulated workspace is what was set up.');
      return await simulatedRemotes(executor.remotes);
    },
  },
);

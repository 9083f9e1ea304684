import { endpoints } from '@shadow/protocol';
import { Router } from 'express';
import type { TaskService } from '../../tasks/contracts.ts';
import { route } from '../route.ts';

/** Tasks: create, steer, review. */
export function tasksRouter(tasks: TaskService): Router {
  const router = Router();
  route(router, endpoints.listTasks, ({ userId, query }) => tasks.list(userId, query));
  route(router, endpoints.createTask, ({ userId, body }) => tasks.create(userId, body));
  route(router, endpoints.getTask, ({ userId, params }) => tasks.get(userId, params.taskId));
  route(router, endpoints.updateTask, ({ userId, params, body }) =>
    tasks.update(userId, params.taskId, body),
  );
  route(router, endpoints.deleteTask, ({ userId, params, query }) =>
    tasks.delete(userId, params.taskId, { discardWork: query.discardWork }).then(() => undefined),
  );
  route(router, endpoints.sendMessage, ({ userId, params, body }) =>
    tasks.sendMessage(userId, params.taskId, body.text),
  );
  route(router, endpoints.stopTask, ({ userId, params }) => tasks.stop(userId, params.taskId));
  route(router, endpoints.retryTask, ({ userId, params }) => tasks.retry(userId, params.taskId));
  route(router, endpoints.archiveTask, ({ userId, params }) => tasks.archive(userId, params.taskId));
  addReadRoutes(router, tasks);
  addApprovalRoutes(router, tasks);
  return router;
}

function addReadRoutes(router: Router, tasks: TaskService): void {
  route(router, endpoints.listEvents, ({ userId, params, query }) =>
    tasks.events(userId, params.taskId, query),
  );
  route(router, endpoints.listMessages, async ({ userId, params }) => ({
    messages: await tasks.messages(userId, params.taskId),
  }));
  route(router, endpoints.listExecutions, async ({ userId, params }) => ({
    executions: await tasks.executions(userId, params.taskId),
  }));
  route(router, endpoints.listInitSteps, async ({ userId, params }) => ({
    steps: await tasks.initSteps(userId, params.taskId),
  }));
  route(router, endpoints.listToolCalls, async ({ userId, params }) => ({
    toolCalls: await tasks.toolCalls(userId, params.taskId),
  }));
  route(router, endpoints.getDiff, ({ userId, params, query }) => tasks.diff(userId, params.taskId, query));
  route(router, endpoints.readOutput, ({ userId, params, query }) =>
    tasks.readOutput(userId, params.taskId, params.processId, query),
  );
}

function addApprovalRoutes(router: Router, tasks: TaskService): void {
  route(router, endpoints.listApprovals, async ({ userId, params }) => ({
    approvals: await tasks.approvals(userId, params.taskId),
  }));
  route(router, endpoints.answerApproval, ({ userId, params, body }) =>
    tasks.answerApproval(userId, params.taskId, params.approvalId, body),
  );
}

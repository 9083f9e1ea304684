/** The environment with which the supervisor starts the HTTP process. */
export function supervisedEnvironment(
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): NodeJS.ProcessEnv {
  return { ...environment, SIDECAR_SUPERVISED: 'true' };
}

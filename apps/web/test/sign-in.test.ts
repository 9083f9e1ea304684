import { describe, expect, it } from 'vitest';
import { eventually } from './support/eventually.ts';
import { useHarness } from './support/harness.ts';

describe('signing in', () => {
  const harness = useHarness({ basePath: '/shadow' });

  it('exchanges the token once, lands in the composer and leaves no token in the address', async () => {
    harness.server.state.signedIn = false;
    const page = await harness.open('/sign-in?token=good-token');
    await page.getByTestId('composer-input').waitFor();
    expect(page.url()).toBe(`${harness.server.url}/`);
    expect(harness.server.calls.filter(({ operation }) => operation === 'signInWithToken')).toHaveLength(1);
    await page.goBack();
    expect(page.url()).not.toContain('token');
  });

  it('says how to get a new link when the token was used or has expired', async () => {
    harness.server.state.signedIn = false;
    const page = await harness.open('/sign-in?token=spent');
    const error = page.getByTestId('sign-in-error');
    await error.waitFor();
    const text = await error.textContent();
    expect(text).toContain('no longer works');
    expect(text).toContain('shadow sign-in-url');
  });

  it('explains where the link is found when there is no token', async () => {
    const page = await harness.open('/sign-in');
    await page.getByRole('heading', { name: 'Sign in to Shadow' }).waitFor();
    await page.getByText('shadow sign-in-url').waitFor();
  });

  it('leads to the sign-in page when the session is gone', async () => {
    harness.server.state.signedIn = false;
    const page = await harness.open('/');
    await page.getByRole('heading', { name: 'Sign in to Shadow' }).waitFor();
    await eventually(() => page.url()).toBe(`${harness.server.url}/sign-in`);
  });
});

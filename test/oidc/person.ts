// Somebody at a browser, who logs in wherever the provider's pages for development lead.
import assert from 'node:assert/strict';

/** A browser as far as it takes: it keeps cookies, follows redirects and sends forms. */
export function createPerson() {
  const cookies = new Map<string, string>();

  async function visit(url: string, form?: Record<string, string>): Promise<{ url: string; page: string }> {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) return visit(new URL(location, url).href);
    return { url, page: await response.text() };
  }

  /** The form of a page, sent with what is hidden in it. */
  async function send({ url, page }: { url: string; page: string }, fields: Record<string, string>) {
    const action =
      /<form[^>]* action="([^"]*)"/.exec(page)?.[1] ?? assert.fail(`no form: ${page.slice(0, 400)}`);
    const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const values = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
    return visit(new URL(action.replaceAll('&amp;', '&'), url).href, { ...values, ...fields });
  }

  return {
    /** Logs in and agrees to everything. Gives the last page. */
    async logInAt(url: string, name: string): Promise<string> {
      let seen = await visit(url);
      for (let steps = 0; seen.page.includes('<form') && steps < 5; steps++) {
        const isLogin = seen.page.includes('name="login"');
        seen = await send(seen, isLogin ? { login: name, password: 'any' } : {});
      }
      return seen.page;
    },
  };
}

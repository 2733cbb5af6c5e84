// The browser of the system, without a window.
import type { LaunchOptions } from 'playwright-core';

/** Debian's; installed by test/system-packages.mjs. */
const PROGRAM = '/usr/bin/chromium';

export const CHROMIUM: LaunchOptions = {
  executablePath: PROGRAM,
  // Tests may run as root, for whom the browser has no sandbox; it opens no page but ours.
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
};

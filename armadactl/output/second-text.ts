/** A wire timestamp to the second, `2026-11-21T06:43:31Z`; `-` where there is none. */
export function secondText(timestamp: { seconds: bigint } | undefined): string {
  if (!timestamp) return '-';
  return new Date(Number(timestamp.seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

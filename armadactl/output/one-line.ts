/** Names and reasons come from others: they must not move the cursor, change colours or feign further lines. */
export function oneLine(text: string): string {
  return text.replaceAll(/ ?[\p{Cc}\p{Zl}\p{Zp}][\s\p{Cc}]*/gu, ' ').trim();
}

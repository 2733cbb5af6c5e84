/** Rules by which the holder of a certificate has a name. */
import type { CertificateNames } from './certificate-names.ts';
import type { MtlsRule } from './config.ts';

/** Whom a certificate stands for. */
export interface Holder {
  name: string;
  groups: readonly string[];
}

/** The holder; undefined when the rule does not fit. */
export type CompiledRule = (names: CertificateNames) => Holder | undefined;

/** Longer than any name that people give; and it is written in every event. */
const MAX_NAME_LENGTH = 256;

/** Whoever asks for a certificate may choose what is in it, and several `*` take their time with what is long. */
const MAX_VALUE_LENGTH = 2048;

/** One line, and nothing that turns or hides what is around it. */
const ODD = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u;

export function compileRule({ from, pattern, name, groups, groupsFrom }: MtlsRule): CompiledRule {
  const expression = expressionOf(from === 'dns' ? pattern.toLowerCase() : pattern, from === 'subject');
  return (names) => {
    const fitting = new Set(
      names[from].flatMap((value) => {
        const match = value.length <= MAX_VALUE_LENGTH ? expression.exec(value) : null;
        return match ? [filledIn(name, match)] : [];
      }),
    );
    const [only, ...others] = fitting;
    // Which of several names is meant must not be the holder's to choose.
    if (only === undefined || others.length > 0 || !isName(only)) return undefined;
    const own = groupsFrom === undefined ? [] : names[groupsFrom].filter(isName);
    return { name: only, groups: [...new Set([...groups, ...own])] };
  };
}

/**
 * `*` as any characters, everything else as it is. In a subject a character with a
 * backslash before it stays with that: as part of a name it must not end one.
 */
function expressionOf(pattern: string, isSubject: boolean): RegExp {
  const any = isSubject ? '((?:[^\\\\]|\\\\.)*)' : '(.*)';
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join(any)}$`, 'su');
}

function filledIn(template: string | undefined, match: RegExpExecArray): string {
  if (template === undefined) return match[0];
  return template.replaceAll(/\$(\d)/g, (_, digit: string) =>
    digit === '0' ? '' : (match[Number(digit)] ?? ''),
  );
}

function isName(text: string): boolean {
  return text.trim() !== '' && text.length <= MAX_NAME_LENGTH && !ODD.test(text);
}

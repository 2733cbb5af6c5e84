/** How long files may be: what does not fit on a few screens holds more than one subject. */
import { eachFile, type Rule } from './rule.ts';
import { isCode, type SourceFile } from './source.ts';

const MOST_LINES = 400;
const LONG_LINES = 300;
const MOST_LONG_SHARE = 0.05;

function isSource(path: string): boolean {
  return isCode(path) || path.endsWith('.proto');
}

function linesOf({ text }: SourceFile): number {
  return text.trimEnd().split('\n').length;
}

const most: Rule = {
  title: `no source is longer than ${MOST_LINES} lines`,
  covers: isSource,
  check: eachFile((file) => {
    const lines = linesOf(file);
    return lines <= MOST_LINES
      ? []
      : [{ path: file.path, line: MOST_LINES + 1, message: `${lines} lines: split it by subject` }];
  }),
  exempt: {
    'api/proto/k8s/io/api/core/v1/core.proto':
      "Kubernetes' own file: its messages are one package and refer to each other",
    'api/proto/api/event.proto': "Armada's own file: programs that compile its protos import it by this path",
    'api/proto/armadaevents/armadaevents.proto':
      "Armada's own file: programs that compile its protos import it by this path",
    'test/contract/check.mjs': 'runs on its own, on any descriptors, so it is one file',
  },
  faults: [{ path: 'server/app.ts', text: 'a();\n'.repeat(MOST_LINES + 1), line: MOST_LINES + 1 }],
  innocent: [
    { path: 'server/app.ts', text: 'a();\n'.repeat(MOST_LINES) },
    { path: 'test/contract/modern.json', text: '\n0'.repeat(MOST_LINES + 1) },
  ],
};

const share: Rule = {
  title: `at most ${MOST_LONG_SHARE * 100} % of the sources are longer than ${LONG_LINES} lines`,
  covers: isCode,
  check: (files) => {
    const long = files.filter((file) => linesOf(file) > LONG_LINES);
    if (long.length <= files.length * MOST_LONG_SHARE) return [];
    const message = `is one of ${long.length} long files among ${files.length}`;
    return long.map(({ path }) => ({ path, line: LONG_LINES + 1, message }));
  },
  faults: [
    {
      path: 'server/app.ts',
      text: 'a();\n'.repeat(LONG_LINES + 1),
      line: LONG_LINES + 1,
      beside: Object.fromEntries(Array.from({ length: 18 }, (_, nth) => [`server/base/part-${nth}.ts`, ''])),
    },
  ],
  innocent: [
    {
      path: 'server/app.ts',
      text: 'a();\n'.repeat(LONG_LINES + 1),
      beside: Object.fromEntries(Array.from({ length: 19 }, (_, nth) => [`server/base/part-${nth}.ts`, ''])),
    },
  ],
};

export const sizeRules: readonly Rule[] = [most, share];

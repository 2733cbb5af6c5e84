/** Names and shapes that gather what belongs elsewhere. */
import { eachFile, type Rule } from './rule.ts';
import { isCode, occurrences, viewsOf } from './source.ts';

/** Names that say nothing, so that everything fits under them. */
const DUMPING_GROUND = /(?:^|-)(?:utils?|helpers?|common|misc)(?:$|-)|^(?:types|shared|lib)$/;

const telling: Rule = {
  title: 'files and folders are named after what is in them',
  covers: () => true,
  check: eachFile(({ path }) => {
    const empty = path.split('/').find((part) => DUMPING_GROUND.test(part.replace(/\..*/, '')));
    return empty === undefined ? [] : [{ path, line: 1, message: `${empty} names no subject` }];
  }),
  exempt: {
    'api/proto/k8s/io/apimachinery/pkg/util/intstr/intstr.proto': 'lies where its package is in Kubernetes',
  },
  faults: [
    { path: 'server/utils/retry.ts', text: '' },
    { path: 'client/helper.ts', text: '' },
    { path: 'test/store-helpers.test.ts', text: '' },
    { path: 'armadactl/types.ts', text: '' },
    { path: 'lib/a.mjs', text: '' },
  ],
  innocent: [
    { path: 'server/events/message-types.ts', text: '' },
    { path: 'client/library.ts', text: '' },
    { path: 'server/base/shared-buffer.ts', text: '' },
  ],
};

const barrels: Rule = {
  title: 'no file only exports what others hold',
  covers: isCode,
  check: eachFile((file) => {
    const { code } = viewsOf(file);
    const rest = code.replaceAll(
      /\bexport\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s*as\s+\w+)?)\s*from\s*['"][^'"]+['"];?/g,
      '',
    );
    if (rest === code || rest.trim() !== '') return [];
    return [{ path: file.path, line: 1, message: 'a barrel: import from where things are' }];
  }),
  exempt: { 'client/index.ts': 'the public face of the client library' },
  faults: [
    {
      path: 'server/model/index.ts',
      text: "// All.\nexport * from './job.ts';\nexport type { A } from './a.ts';",
    },
  ],
  innocent: [
    { path: 'client/index.ts', text: "export { connect } from './connect.ts';" },
    { path: 'server/store/store.ts', text: "export type { A } from './a.ts';\nexport interface B {}" },
    { path: 'server/empty.ts', text: '' },
  ],
};

const defaults: Rule = {
  title: 'exports have names',
  covers: isCode,
  check: eachFile((file) =>
    occurrences(
      file,
      viewsOf(file).bare,
      /\bexport\s+default\b|\bas\s+default\b(?=[^;]*\})/g,
      'no default export',
    ),
  ),
  faults: [
    { path: 'bench/submit.ts', text: 'export default function run() {}' },
    { path: 'client/jobs.ts', text: 'export { cancel as default };' },
  ],
  innocent: [
    { path: 'client/jobs.ts', text: "import fc, { default as all } from 'a';\nconst s = 'export default';" },
  ],
};

const inheritance: Rule = {
  title: 'classes extend nothing but Error',
  covers: isCode,
  check: eachFile((file) =>
    occurrences(
      file,
      viewsOf(file).bare,
      /\bclass(?:\s+\w+)?(?:<[^{]*>)?\s+extends\s+(?!Error\b)([\w.]+)/g,
      ([, base]) => `extends ${base}: hold one instead`,
    ),
  ),
  faults: [
    { path: 'server/events/hub.ts', text: 'export class Hub extends EventEmitter {}' },
    { path: 'client/errors.ts', text: 'class Deep extends ArmadaClientError {}' },
    { path: 'client/errors.ts', text: 'class Box<T extends object> extends Base<T> {}' },
  ],
  innocent: [
    {
      path: 'client/errors.ts',
      text: 'export class ProfileError extends Error {}\ninterface A extends B {}',
    },
    { path: 'client/errors.ts', text: 'class Box<T extends object> {}' },
  ],
};

export const nameRules: readonly Rule[] = [telling, barrels, defaults, inheritance];

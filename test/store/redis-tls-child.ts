// Opens the store at the URL it is given, uses it, and says what it is called.
import { queueChange, submitJobs } from './builders.ts';
import { applied, leadAnew } from './compare.ts';
import { openAt } from './redis.engine.ts';

const store = await openAt(process.argv[2] ?? '');
await store.control(queueChange('queue'));
await applied(store, submitJobs(2));
while (await store.trim(Date.now(), { eventsMs: 1, recordsMs: 1, logMs: 1, logBytes: 1e9 }));
console.log(store.info.name, store.info.acknowledgement, (await leadAnew(store)).term);
await store.close();

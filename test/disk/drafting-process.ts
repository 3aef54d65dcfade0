import { writeFile } from 'node:fs/promises';
import { draftEngine } from '../../src/disk/engines.js';

/** Makes half an engine in the folder that it is given, says so, and waits to be killed. */
const draft = await draftEngine(process.argv[2]!, {
	model: 'ab'.repeat(32),
	precision: 'fp16',
	tensorrt: '10.3.0',
	driver: '540.4.0',
	sm: '8.7',
	l4t: '36.4.3',
});
await writeFile(draft.engine, 'half an engine');
process.send!('drafted');
setInterval(() => {}, 1000);

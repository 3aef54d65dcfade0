// Four stations at ten parts a second each, some of them with pictures. Says how it went, in a line of JSON.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { journalIn, verdict } from './journals.js';

const [folder = '', seconds = '5'] = process.argv.slice(2);
const EVERY_MS = 100;
const STATIONS = ['a', 'b', 'c', 'd'];

await using journal = await journalIn(folder);
// What is loaded at the start is not what is measured.
await pause(500);
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const latenciesMs: number[] = [];
let mostWaiting = 0;
let failures = 0;
let kept = 0;
const open = new Set<Promise<unknown>>();
const begun = performance.now();
for (let part = 1; performance.now() - begun < Number(seconds) * 1000; part += 1) {
	for (const station of STATIONS) {
		const key = String(part);
		const begunMs = performance.now();
		void journal.announce({ station, key, body: { part } });
		const work = journal
			.append([verdict(station, { verdict: part % 10 === 0 ? 'reject' : 'accept', settles: key })])
			.then(async ([event]) => {
				latenciesMs.push(performance.now() - begunMs);
				if (event?.verdict !== 'reject') return;
				const jpeg = Buffer.alloc(20_000, `${station} ${part}`);
				const pictures = await journal.keep([{ event: event.id, role: 'heatmap', index: 0, jpeg }]);
				kept += pictures.length;
			})
			.finally(() => open.delete(work));
		open.add(work);
	}
	mostWaiting = Math.max(mostWaiting, journal.condition.waiting);
	if (journal.condition.failure !== null) failures += 1;
	await pause(Math.max(0, begun + part * EVERY_MS - performance.now()));
}
delay.disable();
await Promise.all(open);
latenciesMs.sort((a, b) => a - b);
const told = {
	appended: latenciesMs.length,
	kept,
	failures,
	mostWaiting,
	latencyMs: latenciesMs[Math.floor(latenciesMs.length / 2)],
	delayMs: (delay.percentile(99) - 5e6) / 1e6,
};
process.stdout.write(`${JSON.stringify(told)}\n`);

// Is the wrong part ever judged, and when does a part whose station hangs have its error? Signals over a real mosquitto to the real
// daemon, a camera with a clock in its pictures, stations beside it that inspect without a pause, and SIGSTOP.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '../src/base/random.js';
import { writeBundle } from '../src/disk/bundle.js';
import { eventually } from '../test/free-port.js';
import { arrivalOf, isJudged, passParts, triggeredBox, wrongIn } from '../test/passing.js';
import { taughtContents } from '../test/tiny-bundle.js';
import { percentile, shown } from './median.js';

const PARTS = Number(process.env.BENCH_PARTS ?? 2000);
// A station that hangs is replaced after a minute.
const LATE_PARTS = 200;
const LATE_DEADLINE_MS = 250;
const LOAD = 2;

const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-trigger-'));
const inFolder = async <T>(work: (path: string) => Promise<T>): Promise<T> =>
	work(await mkdtemp(join(folder, 'box-')));

/** How long after its deadline a part has its error while the station's process is stopped. */
async function lateErrors(path: string): Promise<{ readonly said: number[]; readonly heard: number[] }> {
	const recipe = `trigger: { mode: request, queue: 64 }, deadlineMs: ${LATE_DEADLINE_MS}`;
	// Of a size that is used: a network of 64 pixels would load the daemon with verdicts, not the machine with its work.
	const { dir } = await writeBundle(join(path, 'load'), await taughtContents(256));
	const settings = { recipe, load: LOAD, loadEveryMs: 0, loadBundle: dir, keeps: false };
	await using box = await triggeredBox(path, settings);
	const said: number[] = [];
	const heard: number[] = [];
	const others: string[] = [];
	box.onVerdict(({ reason, trigger: by, times }) => {
		if (reason !== 'deadline') others.push(`${reason}`);
		const deadlineMs = Date.parse(by!.at) + by!.deadlineMs;
		said.push(Date.parse(times.recorded) - deadlineMs);
		heard.push(Date.now() - deadlineMs);
	});
	process.kill(await box.pid(), 'SIGSTOP');
	const random = randomFrom(2);
	for (let i = 0; i < LATE_PARTS; i += 1) {
		box.trigger(`${i}`);
		await new Promise((resolve) => setTimeout(resolve, 100 + random.uniform() * 250));
	}
	await eventually('all have a verdict', () => heard.length === LATE_PARTS);
	await box.end();
	if (others.length > 0) throw new Error(`parts whose station hangs are ${others}`);
	return { said, heard };
}

try {
	const passed = await inFolder((path) => passParts(path, PARTS, randomFrom(1), LOAD));
	const judged = passed.filter(isJudged);
	const latencies = judged.map(({ heardMs, signalMs }) => heardMs! - signalMs);
	const wrong = wrongIn(passed);
	const reasons = new Map<string, number>();
	for (const { verdict } of passed) {
		const is = verdict!.reason ?? verdict!.verdict;
		reasons.set(is, (reasons.get(is) ?? 0) + 1);
	}
	for (const [is, count] of reasons) console.log(`${is.padEnd(34)} ${count} of ${PARTS}`);
	const arrived = passed.map((one) => arrivalOf(one) - one.signalMs);
	console.log(shown('signal to its arrival', 'ms', arrived));
	const exposed = judged.flatMap(({ exposedMs, signalMs }) =>
		exposedMs === undefined ? [] : [exposedMs - signalMs],
	);
	console.log(shown('signal to exposure', 'ms', exposed));
	console.log(shown('signal to verdict, at a subscriber', 'ms', latencies));
	console.log(`judged on a frame that shows another part or none: ${wrong.length}`);
	const late = await inFolder(lateErrors);
	console.log(shown('deadline to its error', 'ms', late.said));
	console.log(shown('deadline to its error, subscriber', 'ms', late.heard));
	console.log(
		JSON.stringify({
			p50Ms: percentile(latencies, 0.5),
			p99Ms: percentile(latencies, 0.99),
			lateErrorP99Ms: percentile(late.said, 0.99),
			wrongAccepts: wrong.length,
		}),
	);
} finally {
	await rm(folder, { recursive: true, force: true });
}
process.exit(0);

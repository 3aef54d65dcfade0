import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stage, silentOf, startWatchdog } from '../../src/daemon/watchdog.js';
import type { Notice } from '../../src/systemd/notice.js';

const watchdog = suite('the watchdog');

/** Time, stages and systemd are values of the test. */
function world(watchdogMs: number | null) {
	const here = {
		nowMs: 0,
		tickMs: 0,
		tick: () => {},
		isEnded: false,
		stages: [] as Stage[],
		said: [] as Notice[],
		silent: [] as (readonly string[])[],
		logged: [] as string[],
	};
	const running = startWatchdog({
		notifier: { watchdogMs, say: (said) => here.said.push(said) },
		stages: () => here.stages,
		status: () => '1 of 1 stations inspect',
		onSilent: (names) => here.silent.push(names),
		now: () => here.nowMs,
		every: (ms, tick) => {
			Object.assign(here, { tickMs: ms, tick });
			return () => {
				here.isEnded = true;
			};
		},
		log: (level, about, message) => here.logged.push(`${level} ${about}: ${message}`),
	});
	/** What is said when time has passed. */
	const after = (ms = here.tickMs) => {
		here.said = [];
		here.nowMs += ms;
		here.tick();
		return here.said.flat();
	};
	return { here, after, running };
}

const stage = (kind: string, silentMs: number): Stage => ({ kind, name: `the ${kind}`, silentMs });

const cases: readonly (readonly [stages: readonly Stage[], silent: readonly string[]])[] = [
	[[], []],
	[[stage('journal', 0), stage('broker', 0)], []],
	[[stage('journal', 299_000), stage('station', 59_000)], []],
	[[stage('journal', 301_000), stage('station', 59_000)], ['the journal']],
	[
		[stage('broker', 121_000), stage('station', 61_000)],
		['the broker', 'the station'],
	],
	[[stage('schedule', 1e9)], []],
];

watchdog('knows for how long each kind of stage may be silent', () => {
	for (const [stages, silent] of cases) assert.equal(silentOf(stages), silent);
});

watchdog('asks for time while the daemon starts, and feeds systemd from then on, thrice in its time', () => {
	const { here, after, running } = world(9000);
	assert.is(here.tickMs, 3000);
	assert.equal(here.said.flat(), ['STATUS=1 of 1 stations inspect', 'EXTEND_TIMEOUT_USEC=18000000']);
	assert.equal(after(), ['EXTEND_TIMEOUT_USEC=18000000']);
	here.said = [];
	running.ready();
	assert.equal(here.said.flat(), ['READY=1', 'STATUS=1 of 1 stations inspect', 'WATCHDOG=1']);
	assert.equal(after(), ['WATCHDOG=1']);
	here.said = [];
	running.stopping();
	assert.equal(here.said.flat(), ['STOPPING=1', 'STATUS=stopping', 'WATCHDOG=1']);
	running[Symbol.dispose]();
	assert.ok(here.isEnded);
});

watchdog(
	'names a stage that hangs in log, status and state, and feeds systemd no more until it lives',
	() => {
		const { here, after, running } = world(30_000);
		running.ready();
		here.stages = [stage('journal', 0), stage('broker', 130_000)];
		assert.equal(after(), ['STATUS=silent: the broker']);
		assert.equal(after(), []);
		assert.equal(here.silent, [['the broker']]);
		here.stages = [stage('journal', 0), stage('broker', 0)];
		assert.equal(after(), ['STATUS=1 of 1 stations inspect', 'WATCHDOG=1']);
		assert.equal(here.silent, [['the broker'], []]);
		assert.equal(here.logged, [
			'error watchdog: the broker gives no sign of life: systemd kills the daemon within 30 s',
			'info watchdog: the broker gives signs of life again',
		]);
	},
);

watchdog('works without a systemd that watches, and says when the event loop was held up', () => {
	const { here, after, running } = world(null);
	running.ready();
	assert.is(here.tickMs, 5000);
	after(5000 + 2500);
	assert.equal(here.logged, ['warning watchdog: the event loop was held up for 2500 ms']);
	after();
	assert.is(here.logged.length, 1);
});

watchdog(
	'frames what reads the configuration again, also when that fails, and never before all was begun',
	async () => {
		const { here, running } = world(30_000);
		here.said = [];
		await running.during(1234.5, async () => assert.unreachable());
		running.ready();
		here.said = [];
		await running.during(1234.5, async () => {});
		assert.equal(here.said.flat(), [
			'RELOADING=1',
			'MONOTONIC_USEC=1234500',
			'READY=1',
			'STATUS=1 of 1 stations inspect',
		]);
	},
);

watchdog.run();

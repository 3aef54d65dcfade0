import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exposition } from '../../src/prometheus/exposition.js';
import { METRICS, type Metric } from '../../src/protocol/metrics.js';
import { stationStateSchema } from '../../src/protocol/states.js';
import { snapshotWith } from './snapshot.js';

const text = suite("Prometheus' text");

const metrics = Object.entries<Metric>(METRICS);

/** The lines of a metric, without help and type. */
const linesOf = (name: string, told = exposition(snapshotWith())) =>
	told.split('\n').filter((line) => new RegExp(`^${name}(_bucket|_sum|_count)?[{ ]`).test(line));

text('says what health and states say of the same moment', () => {
	const { health } = snapshotWith();
	const cases: readonly (readonly [string, readonly string[]])[] = [
		['inspectord_uptime_seconds', [`inspectord_uptime_seconds ${health.uptimeS}`]],
		['inspectord_disk_free_bytes', [`inspectord_disk_free_bytes ${health.disk.freeBytes}`]],
		[
			'inspectord_camera_failing',
			['inspectord_camera_failing{station="lid"} 0', 'inspectord_camera_failing{station="cap"} 1'],
		],
		['inspectord_station_error', ['inspectord_station_error{station="cap",code="camera-silent"} 1']],
		[
			'inspectord_frames_overtaken_total',
			[
				'inspectord_frames_overtaken_total{station="lid"} 3',
				'inspectord_frames_overtaken_total{station="cap"} 0',
			],
		],
	];
	for (const [name, lines] of cases) assert.equal(linesOf(name), lines);
	const states = linesOf('inspectord_station_state');
	assert.is(states.length, 2 * stationStateSchema.shape.state.options.length);
	assert.equal(
		states.filter((line) => line.endsWith(' 1')),
		[
			'inspectord_station_state{station="lid",state="running"} 1',
			'inspectord_station_state{station="cap",state="error"} 1',
		],
	);
});

text('counts each verdict once, by its reason, and knows every reason from the start', () => {
	const lines = linesOf('inspectord_verdicts_total').filter((line) => line.includes('"lid"'));
	const sum = lines.reduce((all, line) => all + Number(line.split(' ')[1]), 0);
	assert.is(sum, 7);
	assert.ok(lines.includes('inspectord_verdicts_total{station="lid",verdict="error",reason="too-late"} 2'));
	assert.ok(lines.includes('inspectord_verdicts_total{station="lid",verdict="error",reason="deadline"} 0'));
});

text('says a histogram with everything that is above its bounds', () => {
	const lines = linesOf('inspectord_stage_duration_seconds');
	const bucket = (le: string) =>
		lines.find((line) => line.includes(`stage="model",le="${le}"`))?.split(' ')[1];
	assert.equal(['0.001', '0.025', '0.05', '60', '+Inf'].map(bucket), ['1', '1', '3', '3', '4']);
	assert.is(lines.find((line) => line.includes('_sum{'))?.split(' ')[1], '100.071');
	assert.is(lines.find((line) => line.includes('_count{'))?.split(' ')[1], '4');
});

text('leaves out what is not known, and writes strange texts so that they are read', () => {
	const { health } = snapshotWith();
	const unknown = { ...health, clock: { synchronised: null, since: null } };
	assert.equal(linesOf('inspectord_clock_synchronised', exposition(snapshotWith({ health: unknown }))), []);
	const versions = { ...health.versions, os: 'a "b"\\\nc' };
	const [line] = linesOf(
		'inspectord_build_info',
		exposition(snapshotWith({ health: { ...health, versions } })),
	);
	assert.match(line!, /os="a \\"b\\"\\\\\\nc"\} 1$/);
});

text('says of a drift the farthest, once', () => {
	const [lid] = snapshotWith().states;
	const of = (window: 'fast' | 'slow', deviations: number) => {
		const seen = { usual: 1, mean: 2, parts: 9, since: '2026-11-30T12:00:00.000Z' };
		return { measure: 'score' as const, window, deviations, ...seen };
	};
	const states = [{ ...lid!, drift: [of('fast', 1), of('fast', -3), of('slow', 1)] }];
	assert.equal(linesOf('inspectord_drift_deviations', exposition(snapshotWith({ states }))), [
		'inspectord_drift_deviations{station="lid",measure="score",window="fast"} -3',
		'inspectord_drift_deviations{station="lid",measure="score",window="slow"} 1',
	]);
	assert.equal(linesOf('inspectord_drift_deviations'), []);
});

text('has names by the conventions, and no label that grows with the parts', () => {
	const labels = ['box', 'version', 'node', 'onnxruntime', 'opencv', 'os', 'zone'];
	const bounded = [...labels, 'station', 'state', 'code', 'verdict', 'reason', 'stage', 'measure', 'window'];
	for (const [name, { type, labels, help }] of metrics) {
		assert.match(name, /^inspectord_[a-z]+(_[a-z]+)*$/);
		assert.is(type === 'counter', name.endsWith('_total'), name);
		assert.not.match(name, /_(ms|mb|minutes|percent)(_|$)/);
		assert.match(help, /\.$/);
		for (const label of labels) assert.ok(bounded.includes(label), `${name}: ${label}`);
	}
});

text('is what promtool accepts', () => {
	const { status, error, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
		input: exposition(snapshotWith()),
		encoding: 'utf8',
	});
	if (error) return console.log('skipped: promtool is not installed');
	assert.is(status, 0, stdout + stderr);
});

text.run();

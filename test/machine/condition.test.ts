import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { below } from '../../src/machine/below.js';
import { clocks } from '../../src/machine/clocks.js';
import { type Condition, watchCondition } from '../../src/machine/condition.js';
import { modesOf, power, strongest } from '../../src/machine/power.js';
import { isThrottled, type Thermal, thermal } from '../../src/machine/thermal.js';
import { ORIN_AT_WORK, planted, SYS, type Tree } from './trees.js';

const condition = suite('the condition of a machine');

const atWork: Condition = {
	thermal: { hottest: { zone: 'cpu-thermal', celsius: 61.437, limitCelsius: 99 }, slowed: [], events: 52 },
	throttled: false,
	power: {
		mode: { id: 2, name: 'MAXN_SUPER' },
		modes: [
			{ id: 0, name: '15W' },
			{ id: 1, name: '25W' },
			{ id: 2, name: 'MAXN_SUPER' },
			{ id: 3, name: '7W' },
		],
		rails: [
			{ rail: 'VDD_IN', watts: 9.250304 },
			{ rail: 'VDD_CPU_GPU_CV', watts: 3.18464 },
			{ rail: 'VDD_SOC', watts: 1.59232 },
		],
		watts: 9.250304,
	},
	clocks: {
		cpu: [
			{ name: 'policy0', hertz: 1_728_000_000, locked: false },
			{ name: 'policy4', hertz: 729_600_000, locked: false },
		],
		gpu: [{ name: '17000000.gpu', hertz: 1_020_000_000, locked: false }],
		locked: false,
	},
	memory: { totalBytes: 7_802_892 * 1024, availableBytes: 4_203_120 * 1024, swapBytes: 3_901_440 * 1024 },
};

const silent: Condition = {
	thermal: { hottest: null, slowed: null, events: null },
	throttled: null,
	power: { mode: null, modes: [], rails: [], watts: null },
	clocks: { cpu: [], gpu: [], locked: null },
	memory: { totalBytes: null, availableBytes: null, swapBytes: null },
};

condition('of a Jetson is read from its files', async () => {
	await using folder = await planted(ORIN_AT_WORK);
	assert.equal(await watchCondition(folder.path)(), atWork);
});

condition('of a machine that tells nothing is nothing', async () => {
	await using folder = await planted({});
	assert.equal(await watchCondition(folder.path)(), silent);
});

/** What is broken in a file of a kernel: a driver that fails gives an error, one that is asleep nothing, another nonsense. */
const GARBAGE = ['', '\n', 'N/A', '\0\0\0', '99e9', '1 2', '0x20', '-', '9'.repeat(400)];

condition('is nothing, and no fault, where every file holds nonsense', async () => {
	for (const text of GARBAGE) {
		const broken = Object.fromEntries(
			Object.entries(ORIN_AT_WORK).map(([path, file]) => [path, typeof file === 'string' ? text : file]),
		);
		await using folder = await planted(broken);
		const told = await watchCondition(folder.path)();
		assert.equal(
			[told.thermal.hottest, told.power.rails, told.power.mode, told.clocks.locked, told.memory.totalBytes],
			[null, [], null, null, null],
			text,
		);
	}
});

condition('is nothing where files are folders, or may not be read', async () => {
	await using folder = await planted(ORIN_AT_WORK);
	for (const [path, file] of Object.entries(ORIN_AT_WORK)) {
		if (typeof file !== 'string') continue;
		await rm(join(folder.path, path));
		await mkdir(join(folder.path, path));
		await chmod(join(folder.path, path), 0o000);
	}
	assert.equal(await watchCondition(folder.path)(), silent);
});

condition('is read past files that vanish between listing and reading', async () => {
	await using folder = await planted(ORIN_AT_WORK);
	const real = below(folder.path);
	// An unplugged device: its folder is still listed, its files are gone.
	const gone = (path: string) => /thermal_zone0|hwmon1|policy0|cooling_device0/.test(path);
	const files = { ...real, text: async (path: string) => (gone(path) ? null : real.text(path)) };
	const told = await thermal(files);
	assert.equal([told.hottest?.zone, told.slowed, told.events], ['gpu-thermal', [], 52]);
	assert.equal((await power(files)).rails, []);
	assert.equal(
		(await clocks(files)).cpu.map(({ name }) => name),
		['policy4'],
	);
});

const { zone, brake, chip, policy, device } = SYS;

const heats: readonly (readonly [what: string, tree: Tree, expected: Partial<Thermal>])[] = [
	[
		'below zero in a cold hall',
		{ ...zone(0, 'a-thermal', -12.5), ...zone(1, 'b-thermal', -20) },
		{ hottest: { zone: 'a-thermal', celsius: -12.5, limitCelsius: null } },
	],
	['of no sensor that is off', { ...zone(0, 'cv0-thermal', -256), ...zone(1, 'x', 3000) }, { hottest: null }],
	[
		'of no power supply, which says always the same',
		{ ...zone(0, 'PMIC-Die', 100), ...zone(1, 'CPU-therm', 40) },
		{ hottest: { zone: 'CPU-therm', celsius: 40, limitCelsius: null } },
	],
	[
		'with a limit at which it is slowed, not one that is switched off',
		{
			...zone(0, 'x86_pkg_temp', 50, {
				cdev0: { link: '../cooling_device0' },
				cdev0_trip_point: '0\n',
				trip_point_0_temp: '-274000\n',
				cdev1: { link: '../cooling_device0' },
				cdev1_trip_point: '1\n',
				trip_point_1_temp: '95000\n',
				cdev2: { link: '../cooling_device9' },
				cdev2_trip_point: '-1\n',
			}),
			...brake(0, 'Processor', 0),
		},
		{ hottest: { zone: 'x86_pkg_temp', celsius: 50, limitCelsius: 95 }, slowed: [] },
	],
	[
		'with the brakes that are on, whatever fans do',
		{
			...brake(0, 'cpufreq-cpu4', 3),
			...brake(1, 'thermal-devfreq-0', 1),
			...brake(2, 'gpu-throttle-alert', 1),
			...brake(3, 'pwm-fan', 4),
			...brake(4, 'Fan', 1),
			...brake(5, 'TCC Offset', 6),
			...brake(6, 'hot-surface-alert', 1),
			...brake(7, 'intel_powerclamp', -1),
		},
		{ slowed: ['cpufreq-cpu4', 'thermal-devfreq-0', 'gpu-throttle-alert'] },
	],
	['of nobody who only has a fan', { ...brake(0, 'pwm-fan', 1) }, { slowed: null }],
	[
		"with an Intel processor's own count",
		{
			'/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count': '4\n',
			'/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count': '6\n',
		},
		{ events: 10 },
	],
];

for (const [what, tree, expected] of heats) {
	condition(`tells heat ${what}`, async () => {
		await using folder = await planted(tree);
		assert.equal(await thermal(below(folder.path)), {
			hottest: null,
			slowed: null,
			events: null,
			...expected,
		});
	});
}

condition('says throttled while a brake is on, or when one was counted since it was asked before', () => {
	const heat = (slowed: readonly string[] | null, events: number | null): Thermal => ({
		hottest: null,
		slowed,
		events,
	});
	const cases: readonly (readonly [now: Thermal, before: Thermal | undefined, throttled: boolean | null])[] =
		[
			[heat(null, null), undefined, null],
			[heat([], null), undefined, false],
			[heat(['cpufreq-cpu0'], null), undefined, true],
			// What was counted before we looked first may be long ago.
			[heat([], 52), undefined, false],
			[heat([], 52), heat([], 52), false],
			[heat([], 53), heat([], 52), true],
			[heat(null, 1), heat(null, 0), true],
			// A driver that was loaded anew counts from zero, one that is new has not counted before.
			[heat([], 0), heat([], 52), false],
			[heat([], 7), heat([], null), false],
			[heat([], null), heat([], 52), false],
		];
	for (const [now, before, throttled] of cases)
		assert.is(isThrottled(now, before), throttled, JSON.stringify([now, before]));
});

condition('remembers what was counted', async () => {
	await using folder = await planted(ORIN_AT_WORK);
	const ask = watchCondition(folder.path);
	assert.is((await ask()).throttled, false);
	await writeFile(join(folder.path, '/sys/class/hwmon/hwmon2/oc3_event_cnt'), '38\n');
	assert.is((await ask()).throttled, true);
	assert.is((await ask()).throttled, false);
});

condition('knows the whole of the power only where a rail measures it', async () => {
	await using agx = await planted({
		...chip(3, 'ina3221', {
			in1_label: 'VDD_GPU_SOC',
			in1_input: '19000',
			curr1_input: '160',
			in2_label: 'VDD_CPU_CV',
			in2_input: '19000',
			curr2_input: '40',
			in3_label: 'VIN_SYS_5V0',
			in3_input: '4968',
			curr3_input: '953',
		}),
		...chip(4, 'ina3221', { in1_label: 'NC', in1_input: '0', curr1_input: '0' }),
		...chip(5, 'nvme', { temp1_input: '40000' }),
	});
	const rails = [
		{ rail: 'VDD_GPU_SOC', watts: 3.04 },
		{ rail: 'VDD_CPU_CV', watts: 0.76 },
		{ rail: 'VIN_SYS_5V0', watts: 4.734504 },
	];
	assert.equal(await power(below(agx.path)), { mode: null, modes: [], rails, watts: null });
	// Thor's second chip multiplies itself; a rail without load may read below zero.
	await using thor = await planted({
		...chip(1, 'ina238', { label: 'VIN', in1_input: '20000', curr1_input: '1150', power1_input: '23000000' }),
		...chip(2, 'ina3221', { in1_label: 'VDD_GPU', in1_input: '19600', curr1_input: '-20' }),
	});
	assert.equal(await power(below(thor.path)), {
		mode: null,
		modes: [],
		rails: [
			{ rail: 'VIN', watts: 23 },
			{ rail: 'VDD_GPU', watts: -0.392 },
		],
		watts: 23,
	});
});

condition('knows a power mode only as the box names it', async () => {
	const statuses: readonly (readonly [status: string, name: string | undefined])[] = [
		['pmode:0002 fmode:fanNull\n', 'MAXN_SUPER'],
		['pmode:0000', '15W'],
		['pmode:0007 fmode:quiet', undefined],
		['fmode:quiet pmode', undefined],
		['', undefined],
	];
	for (const [status, name] of statuses) {
		await using folder = await planted(ORIN_AT_WORK, { '/var/lib/nvpmodel/status': status });
		assert.is((await power(below(folder.path))).mode?.name, name, status);
	}
});

condition('knows which power mode limits least', () => {
	const cases: readonly (readonly [conf: string, id: number | undefined])[] = [
		['< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=25W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >', 2],
		['< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=MODE_15W >\n', 0],
		['< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=3 NAME=MAXN_SUPER >', 3],
		['< POWER_MODEL ID=0 NAME=7W >\n< POWER_MODEL ID=1 NAME=15W >', 1],
		['< PM_CONFIG DEFAULT=0 >', undefined],
		['', undefined],
	];
	for (const [conf, id] of cases) assert.is(strongest(modesOf(conf))?.id, id, conf);
});

condition('says that clocks are locked only when every one is', async () => {
	const cases: readonly (readonly [tree: Tree, locked: boolean | null])[] = [
		[{ ...policy(0, 1_728_000, 1_728_000, 1_728_000, 'schedutil') }, true],
		[
			{
				...policy(0, 1_728_000, 1_728_000, 1_728_000, 'schedutil'),
				...device('gpu-gpc-0', 5, 1, 9, 'nvhost_podgov'),
			},
			false,
		],
		[{ ...device('17000000.ga10b', 9, 9, 9, 'nvhost_podgov'), ...policy(0, 5, 1, 9, 'performance') }, true],
		[{ ...device('15340000.vic', 5, 1, 9, 'tegra_wmark') }, null],
		[{}, null],
	];
	for (const [tree, locked] of cases) {
		await using folder = await planted(tree);
		assert.is((await clocks(below(folder.path))).locked, locked);
	}
});

condition('of this machine is read without a fault, its memory as it is', async () => {
	const told = await watchCondition()();
	const kilobytes = Number(
		/MemTotal:\s+(\d+)/.exec(execFileSync('cat', ['/proc/meminfo'], { encoding: 'utf8' }))![1],
	);
	assert.is(told.memory.totalBytes, kilobytes * 1024);
	if (told.thermal.hottest === null) console.log('skipped: no thermometer here');
	else assert.ok(told.thermal.hottest.celsius > 0 && told.thermal.hottest.celsius < 120);
});

condition.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Facts, type Judgement, STEPS } from '../../src/commands/doctor-steps.js';
import { accelerator } from '../../src/machine/accelerator.js';
import { below } from '../../src/machine/below.js';
import { watchCondition } from '../../src/machine/condition.js';
import { devices } from '../../src/machine/devices.js';
import {
	DESKTOP,
	JETPACK_5_1,
	JETPACK_6_2,
	JETPACK_7_0,
	NOTHING,
	ORIN_AT_WORK,
	planted,
	SYS,
	type Tree,
} from '../machine/trees.js';

const steps = suite("a doctor's steps");

/** What a Jetson has that is ready, beside what works on it. */
const TOOLS: Tree = {
	'/dev/nvmap': '',
	'/dev/nvhost-gpu': '',
	'/dev/video0': '',
	'/tmp/argus_socket': '',
	'/usr/sbin/nvargus-daemon': '',
	'/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 975360 0 5\n',
	'/etc/systemd/system/default.target': { link: '/lib/systemd/system/multi-user.target' },
	'/lib/systemd/system/multi-user.target': '',
	'/lib/systemd/system/graphical.target': '',
};

const LOCKED: Tree = {
	...SYS.policy(0, 1_728_000, 1_728_000, 1_728_000, 'schedutil'),
	...SYS.policy(4, 1_728_000, 1_728_000, 1_728_000, 'schedutil'),
	...SYS.device('17000000.gpu', 9, 9, 9, 'nvhost_podgov'),
	...SYS.chip(2, 'soctherm_oc', { oc1_event_cnt: '0', oc2_event_cnt: '0', oc3_event_cnt: '0' }),
};

const READY: Tree = { ...JETPACK_6_2, ...ORIN_AT_WORK, ...TOOLS, ...LOCKED };

const UNIT = {
	isThere: true,
	isEnabled: true,
	state: 'active',
	restarts: 0,
	user: 'inspectord',
	folder: '/var/lib/inspectord',
} as const;

/** Facts of a copied machine; what lies outside its files works. */
async function factsOf(tree: Tree, more: Partial<Facts> = {}): Promise<Facts> {
	await using folder = await planted(tree);
	const arch = tree === DESKTOP ? 'x64' : 'arm64';
	const place = { state: 'writable', freeBytes: 2e10 } as const;
	return {
		node: { version: '22.11.0', arch },
		opencv: { message: 'OpenCV 4.8.0' },
		onnxruntime: { message: 'ONNX Runtime 1.30.0' },
		tensorrt: { message: 'ONNX Runtime 1.30.0 with TensorRT' },
		sqlite: { message: 'SQLite 3.53.0' },
		systemd: { message: 'libsystemd can be loaded' },
		trtexec: { path: '/usr/src/tensorrt/bin/trtexec', version: '10.3.0' },
		clock: true,
		journal: { folder: '/var/lib/inspectord', ...place },
		engines: { folder: '/var/cache/inspectord/engines', ...place },
		condition: await watchCondition(folder.path)(),
		accelerator: await accelerator(folder.path, { arch }),
		devices: await devices(below(folder.path), folder.path),
		unit: UNIT,
		cameras: ['/dev/inspectord/camera-0815', 'rtsp://10.0.3.7/1'],
		user: 'inspectord',
		...more,
	};
}

const service = (more: Partial<Exclude<Facts['unit'], 'unheard' | null>>): Partial<Facts> => ({
	unit: { ...UNIT, ...more },
});

const judged = (facts: Facts): Readonly<Record<string, Judgement>> =>
	Object.fromEntries(STEPS.map(({ name, look }) => [name, look(facts)]));

steps('find nothing on a Jetson that is ready, and have a name each', async () => {
	const found = judged(await factsOf(READY));
	for (const [step, { state, message, remedy }] of Object.entries(found)) {
		assert.is(state, 'ok', `${step}: ${message}`);
		assert.is(remedy, undefined);
	}
	assert.is(Object.keys(found).length, STEPS.length);
	assert.is(
		found.jetpack!.message,
		'JetPack 6.2 (Jetson Linux 36.4.3) on NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super',
	);
	assert.is(found.heat!.message, 'cpu-thermal 61.4 °C, slowed down from 99 °C on');
	assert.is(found.swap!.message, 'compressed memory for swap, 3.7 GiB');
});

const without = (...parts: readonly string[]): Tree =>
	Object.fromEntries(Object.entries(READY).filter(([path]) => !parts.some((part) => path.includes(part))));

type Case = readonly [
	what: string,
	tree: Tree,
	more: Partial<Facts>,
	step: string,
	state: Judgement['state'],
	message: RegExp,
	remedy: RegExp | undefined,
];

const NO_DEVICES: Facts['devices'] = {
	video: [],
	stableNames: [],
	closedVideo: [],
	argus: 'absent',
	closedGpu: [],
	swap: 'none',
	desktop: null,
};

const failing = (message: string, advice?: string) => ({ message, failure: { message, advice } });
const refused = { folder: '/var/lib/inspectord', state: 'refused', freeBytes: 2e10 } as const;

const SHUT: Facts['devices'] = {
	video: ['/dev/video0'],
	stableNames: [],
	closedVideo: ['/dev/video0'],
	argus: 'absent',
	closedGpu: [],
	swap: 'none',
	desktop: null,
};

const NAMED: Tree = {
	...READY,
	'/dev/video2': '',
	'/dev/v4l/by-path/pci-usb-0:3:1.0-video-index0': { link: '../../video2' },
	'/dev/v4l/by-id/usb-ACME_0815-video-index0': { link: '../../video2' },
};

const cases: readonly Case[] = [
	[
		'a camera by its number, that has a name',
		NAMED,
		{ cameras: ['2', '/dev/video0'] },
		'camera-names',
		'warning',
		/^\/dev\/video2, \/dev\/video0: after a restart/,
		/: \/dev\/v4l\/by-id\/usb-ACME_0815-video-index0 instead of \/dev\/video2$/,
	],
	[
		'a camera by its number, that has no name',
		READY,
		{ cameras: ['/dev/video0'] },
		'camera-names',
		'warning',
		/^\/dev\/video0: /,
		/udev rule/,
	],
	['no systemd', READY, { unit: null }, 'unit', 'warning', /no systemd answers/, /install\.md/],
	[
		'a systemd that does not answer',
		READY,
		{ unit: 'unheard' },
		'unit',
		'warning',
		/does not tell/,
		/sudo systemctl/,
	],
	['a journal of nobody yet', READY, { journal: null }, 'journal', 'ok', /--config FILE/, undefined],
	['no unit', READY, service({ isThere: false }), 'unit', 'warning', /there is no unit/, /install\.md/],
	['a failed unit', READY, service({ state: 'failed' }), 'unit', 'missing', /has failed/, /journalctl/],
	['a unit that waits', READY, service({ isEnabled: false }), 'unit', 'warning', /not start/, /enable/],
	['a unit that falls', READY, service({ restarts: 7 }), 'unit', 'warning', /7 times/, /journalctl/],
	['a unit that runs', READY, service({}), 'unit', 'ok', /enabled, and active/, undefined],
	[
		'a camera that is shut',
		READY,
		{ devices: SHUT },
		'camera-access',
		'missing',
		/may not use \/dev\/video0/,
		/video/,
	],
	[
		'an old Node',
		READY,
		{ node: { version: '18.19.1', arch: 'arm64' } },
		'node',
		'missing',
		/18\.19\.1.*20\.9/,
		/nodejs\.org/,
	],
	[
		'a Node of the oldest kind',
		READY,
		{ node: { version: '20.9.0', arch: 'arm64' } },
		'node',
		'ok',
		/20\.9\.0/,
		undefined,
	],
	[
		'a processor of 32 bits',
		READY,
		{ node: { version: '22.0.0', arch: 'arm' } },
		'node',
		'missing',
		/arm/,
		/64-bit/,
	],
	[
		'no OpenCV',
		READY,
		{ opencv: failing('Cannot load it', 'Run npm start.') },
		'opencv',
		'missing',
		/Cannot load it/,
		/npm start/,
	],
	[
		'no SQLite',
		READY,
		{ sqlite: failing('Cannot load it') },
		'sqlite',
		'missing',
		/Cannot load it/,
		/npm start/,
	],
	[
		'another user than the daemon',
		READY,
		{ user: 'root' },
		'user',
		'warning',
		/root asks, and the daemon runs as inspectord/,
		/sudo -u inspectord inspectord doctor/,
	],
	[
		'no libsystemd',
		READY,
		{ systemd: failing('Cannot load it', 'Install it.') },
		'systemd',
		'warning',
		/Cannot load it: .*systemd-notify.*NotifyAccess=all/,
		/Install it/,
	],
	['a broken ONNX Runtime', READY, { onnxruntime: failing('died') }, 'onnxruntime', 'missing', /died/, /./],
	[
		'little memory',
		{ ...READY, '/proc/meminfo': 'MemTotal: 4000000 kB\nMemAvailable: 400000 kB\n' },
		{},
		'memory',
		'warning',
		/0\.4 GiB of 3\.8 GiB/,
		/systemd-cgtop/,
	],
	['no word on memory', without('/proc/meminfo'), {}, 'memory', 'warning', /does not tell/, /\/proc/],
	[
		'a folder that is not its own',
		READY,
		{ journal: refused },
		'journal',
		'missing',
		/may not be written/,
		/sudo install -d/,
	],
	[
		'a folder to be made',
		READY,
		{ journal: { ...refused, state: 'absent' } },
		'journal',
		'ok',
		/will be made/,
		undefined,
	],
	[
		'a full disk',
		READY,
		{ engines: { ...refused, state: 'writable', freeBytes: 5e7 } },
		'engines',
		'missing',
		/0\.0 GiB free/,
		/df -h/,
	],
	[
		'a disk that fills',
		READY,
		{ engines: { ...refused, state: 'writable', freeBytes: 5e8 } },
		'engines',
		'warning',
		/0\.5 GiB free/,
		/df -h/,
	],
	[
		'a clock that nobody sets',
		READY,
		{ clock: false },
		'clock',
		'warning',
		/not synchronised/,
		/set-ntp true/,
	],
	['a clock of which nobody tells', READY, { clock: null }, 'clock', 'warning', /nobody tells/, /set-ntp/],
	['no Jetson Linux', NOTHING, {}, 'jetpack', 'missing', /no Jetson/, /--jetson/],
	['a desktop instead of a Jetson', DESKTOP, {}, 'jetpack', 'missing', /RTX 3090/, /--jetson/],
	[
		'a JetPack of tomorrow',
		{ ...READY, '/etc/nv_tegra_release': '# R41 (release), REVISION: 1.0, GCID: 1\n' },
		{},
		'jetpack',
		'warning',
		/41\.1\.0/,
		/docs\/jetson\.md/,
	],
	['no driver', without('/proc/driver', '/sys/module'), {}, 'driver', 'missing', /no driver/, /dmesg/],
	[
		'a chip of tomorrow',
		{ ...READY, '/proc/device-tree/compatible': 'nvidia,tegra999\0' },
		{},
		'driver',
		'warning',
		/does not know/,
		/compatible/,
	],
	['no nodes of the GPU', without('/dev/nv'), {}, 'gpu-access', 'missing', /no device nodes/, /container/],
	[
		'nodes of the GPU that are not its own',
		READY,
		{ devices: { ...NO_DEVICES, closedGpu: ['/dev/nvmap'] } },
		'gpu-access',
		'missing',
		/may not use \/dev\/nvmap/,
		/usermod -aG video,render inspectord/,
	],
	[
		'no CUDA',
		without('libcudart', 'ld.so.conf'),
		{},
		'cuda',
		'missing',
		/CUDA is not there/,
		/nvidia-jetpack/,
	],
	['no cuDNN', without('libcudnn'), {}, 'cudnn', 'missing', /cuDNN/, /nvidia-jetpack/],
	['no TensorRT', without('libnvinfer'), {}, 'tensorrt', 'missing', /TensorRT/, /nvidia-jetpack/],
	[
		'TensorRT of another JetPack',
		{ ...READY, ...JETPACK_6_2, '/etc/nv_tegra_release': JETPACK_7_0['/etc/nv_tegra_release']! },
		{},
		'tensorrt',
		'warning',
		/10\.3\.0.*7\.0 and 7\.1 brings 10\.13/,
		/docs\/jetson\.md/,
	],
	[
		'no trtexec',
		READY,
		{ trtexec: failing('there is no trtexec') },
		'trtexec',
		'missing',
		/there is no trtexec/,
		/libnvinfer-bin/,
	],
	[
		'trtexec of another TensorRT',
		READY,
		{ trtexec: { path: '/opt/tensorrt/bin/trtexec', version: '10.7.0' } },
		'trtexec',
		'missing',
		/10\.7\.0.*10\.3\.0/,
		/INSPECTORD_TRTEXEC/,
	],
	[
		'trtexec of tomorrow',
		READY,
		{ trtexec: { path: '/opt/tensorrt/bin/trtexec', version: '11.0.0' } },
		'trtexec',
		'missing',
		/does not build/,
		/JetPack/,
	],
	[
		'a binding without TensorRT',
		READY,
		{ tensorrt: failing('built without it', 'Name a folder in INSPECTORD_ORT.') },
		'provider',
		'missing',
		/without it/,
		/INSPECTORD_ORT/,
	],
	[
		'JetPack 5, for which there is no binding',
		{ ...READY, ...JETPACK_5_1 },
		{ tensorrt: failing('built without it', 'Name a folder.') },
		'provider',
		'missing',
		/without it/,
		/JetPack 6\.2/,
	],
	[
		'a lower power mode',
		{ ...READY, '/var/lib/nvpmodel/status': 'pmode:0000 fmode:quiet\n' },
		{},
		'power',
		'warning',
		/15W, MAXN_SUPER/,
		/nvpmodel -m 2/,
	],
	['no power mode', without('nvpmodel'), {}, 'power', 'warning', /does not tell/, /nvpmodel -q/],
	[
		'clocks that follow the load',
		{ ...READY, ...ORIN_AT_WORK },
		{},
		'clocks',
		'warning',
		/follow the load/,
		/jetson_clocks/,
	],
	['no clocks', without('cpufreq', 'devfreq'), {}, 'clocks', 'warning', /cannot be read/, /jetson_clocks/],
	[
		'a brake that is on',
		{ ...READY, ...SYS.brake(0, 'cpufreq-cpu0', 2) },
		{},
		'heat',
		'warning',
		/slowed down by cpufreq-cpu0/,
		/cooling/,
	],
	[
		'heat near its limit',
		{ ...READY, '/sys/devices/virtual/thermal/thermal_zone0/temp': '90100\n' },
		{},
		'heat',
		'warning',
		/90\.1 °C/,
		/cooling/,
	],
	[
		'over-currents',
		{ ...READY, '/sys/class/hwmon/hwmon2/oc3_event_cnt': '37\n' },
		{},
		'heat',
		'warning',
		/37 times/,
		/supply/,
	],
	['no thermometer', without('thermal_zone'), {}, 'heat', 'warning', /no thermometer/, /thermal/],
	['no camera', without('/dev/video', 'argus'), {}, 'cameras', 'warning', /no \/dev\/video/, /network/],
	[
		'a server of CSI cameras that is down',
		without('argus_socket'),
		{},
		'cameras',
		'warning',
		/does not listen/,
		/restart nvargus-daemon/,
	],
	[
		'no swap',
		{ ...READY, '/proc/swaps': 'Filename\tType\n' },
		{},
		'swap',
		'warning',
		/no swap/,
		/nvzramconfig/,
	],
	[
		'swap on a disk',
		{ ...READY, '/proc/swaps': 'Filename\n/swapfile file 1 0 -2\n' },
		{},
		'swap',
		'ok',
		/a disk/,
		undefined,
	],
	[
		'a desktop',
		{ ...READY, '/etc/systemd/system/default.target': { link: '/lib/systemd/system/graphical.target' } },
		{},
		'desktop',
		'warning',
		/desktop/,
		/set-default multi-user/,
	],
];

for (const [what, tree, more, step, state, message, remedy] of cases) {
	steps(`say of ${what} that it is ${state}`, async () => {
		const found = judged(await factsOf(tree, more))[step]!;
		assert.is(found.state, state, found.message);
		assert.match(found.message, message);
		if (remedy === undefined) assert.is(found.remedy, undefined);
		else assert.match(found.remedy!, remedy);
	});
}

steps('are all seen to find something', () => {
	const told = new Set(cases.filter(([, , , , state]) => state !== 'ok').map(([, , , step]) => step));
	assert.equal(
		STEPS.map(({ name }) => name).filter((name) => !told.has(name)),
		[],
	);
});

steps('always have a remedy for what is not right', async () => {
	for (const tree of [NOTHING, {}, JETPACK_5_1, ORIN_AT_WORK])
		for (const [step, { state, remedy }] of Object.entries(judged(await factsOf(tree))))
			assert.is(remedy !== undefined, state !== 'ok', step);
});

steps.run();

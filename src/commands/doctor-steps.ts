import { type Failure, REPAIR } from '../base/failure.js';
import type { Accelerator } from '../machine/accelerator.js';
import type { Condition } from '../machine/condition.js';
import type { Devices } from '../machine/devices.js';
import { compareVersions, isOf, type JetPack, jetPackOf } from '../machine/jetpack.js';
import { strongest } from '../machine/power.js';
import type { Unit } from '../machine/unit.js';
import type { Place } from '../machine/writable.js';
import { RELEASES } from '../trtexec/arguments.js';
import type { Trtexec } from '../trtexec/find.js';
import { numberedNode } from '../vision/source.js';

/** What a child found that tried a library: words, or why not. */
export type Tried = { readonly message: string; readonly failure?: Pick<Failure, 'message' | 'advice'> };

/** All that is known of a box before it is judged. */
export type Facts = {
	readonly node: { readonly version: string; readonly arch: string };
	readonly opencv: Tried;
	/** ONNX Runtime as it computes on the processor, and on TensorRT. */
	readonly onnxruntime: Tried;
	readonly tensorrt: Tried;
	readonly sqlite: Tried;
	/** libsystemd. */
	readonly systemd: Tried;
	readonly trtexec: Trtexec | { readonly failure: Pick<Failure, 'message' | 'advice'> };
	readonly clock: boolean | null;
	/** Null where nothing says its folder. */
	readonly journal: Place | null;
	readonly engines: Place;
	readonly condition: Condition;
	readonly accelerator: Accelerator;
	readonly devices: Devices;
	readonly unit: Unit;
	/** Sources of the configuration's cameras. */
	readonly cameras: readonly string[];
	/** Who asks; the daemon may be somebody else. */
	readonly user: string;
};

/** `missing`: what is needed is not there. `warning`: it works, but not as well or as surely as it could. */
export type Judgement = {
	readonly state: 'ok' | 'missing' | 'warning';
	readonly message: string;
	/** A command, or what to do. */
	readonly remedy?: string;
};

export type Step = {
	readonly name: string;
	/** Asked of every box, or only of a Jetson. */
	readonly of: 'box' | 'jetson';
	readonly look: (facts: Facts) => Judgement;
};

/** As package.json's `engines` has it. */
const OLDEST_NODE = '20.9';

const MEBI = 2 ** 20;

/** Of a station with the smallest network, the daemon and the system (docs/jetson.md). */
const LITTLE_MEMORY = 512 * MEBI;

/** The journal keeps itself small, but needs room to do so. */
const LITTLE_ROOM = 100 * MEBI;
const SOME_ROOM = 1024 * MEBI;

/** Nearer to its limit than this a box is throttled when the hall gets warm. */
const NEAR_CELSIUS = 10;

const ok = (message: string): Judgement => ({ state: 'ok', message });
const missing = (message: string, remedy: string): Judgement => ({ state: 'missing', message, remedy });
const warning = (message: string, remedy: string): Judgement => ({ state: 'warning', message, remedy });

const ALL_OF_JETPACK = 'sudo apt update && sudo apt install nvidia-jetpack';

/** In the order in which they are mended: each stands on those before. */
export const STEPS: readonly Step[] = [
	{ name: 'node', of: 'box', look: lookAtNode },
	{ name: 'opencv', of: 'box', look: ({ opencv }) => tried(opencv) },
	{ name: 'onnxruntime', of: 'box', look: ({ onnxruntime }) => tried(onnxruntime) },
	{ name: 'sqlite', of: 'box', look: ({ sqlite }) => tried(sqlite) },
	{ name: 'user', of: 'box', look: lookAtUser },
	{ name: 'memory', of: 'box', look: lookAtMemory },
	{ name: 'journal', of: 'box', look: lookAtJournal },
	{ name: 'clock', of: 'box', look: lookAtClock },
	{ name: 'camera-access', of: 'box', look: lookAtVideo },
	{ name: 'camera-names', of: 'box', look: lookAtNames },
	{ name: 'systemd', of: 'box', look: lookAtSystemd },
	{ name: 'unit', of: 'box', look: lookAtUnit },
	{ name: 'jetpack', of: 'jetson', look: lookAtJetPack },
	{ name: 'driver', of: 'jetson', look: lookAtDriver },
	{ name: 'gpu-access', of: 'jetson', look: lookAtAccess },
	{ name: 'cuda', of: 'jetson', look: (facts) => lookAtLibrary('CUDA', 'cuda', facts) },
	{ name: 'cudnn', of: 'jetson', look: (facts) => lookAtLibrary('cuDNN', 'cudnn', facts) },
	{ name: 'tensorrt', of: 'jetson', look: (facts) => lookAtLibrary('TensorRT', 'tensorrt', facts) },
	{ name: 'trtexec', of: 'jetson', look: lookAtTrtexec },
	{ name: 'provider', of: 'jetson', look: lookAtProvider },
	{ name: 'engines', of: 'jetson', look: ({ engines }) => lookAtPlace('engines', engines) },
	{ name: 'power', of: 'jetson', look: lookAtPower },
	{ name: 'clocks', of: 'jetson', look: lookAtClocks },
	{ name: 'heat', of: 'jetson', look: lookAtHeat },
	{ name: 'cameras', of: 'jetson', look: lookAtCameras },
	{ name: 'swap', of: 'jetson', look: lookAtSwap },
	{ name: 'desktop', of: 'jetson', look: lookAtDesktop },
];

function tried({ message, failure }: Tried): Judgement {
	if (failure === undefined) return ok(message);
	return missing(failure.message, failure.advice ?? REPAIR);
}

function lookAtNode({ node: { version, arch } }: Facts): Judgement {
	const words = `Node ${version} for ${arch}`;
	if (arch !== 'x64' && arch !== 'arm64')
		return missing(words, 'Use a 64-bit system on x86 or ARM: ONNX Runtime is made for these alone.');
	if (compareVersions(version, OLDEST_NODE) < 0)
		return missing(
			`${words}, ${OLDEST_NODE} or later is needed`,
			'Install Node 22 from nodejs.org, not from Ubuntu.',
		);
	return ok(words);
}

/** What one user may do, another may not. */
function lookAtUser({ user, unit }: Facts): Judgement {
	const daemon = unit !== 'unheard' && unit?.isThere ? unit.user : '';
	if (daemon === '' || daemon === user) return ok(`asked as ${user}`);
	return warning(
		`${user} asks, and the daemon runs as ${daemon}: whether that user may use the cameras, the journal's folder and the configuration is not told`,
		`sudo -u ${daemon} inspectord doctor`,
	);
}

function lookAtMemory({ condition: { memory } }: Facts): Judgement {
	const { totalBytes, availableBytes } = memory;
	if (totalBytes === null || availableBytes === null)
		return warning('the system does not tell its memory', 'Look whether /proc is mounted.');
	const words = `${gibi(availableBytes)} of ${gibi(totalBytes)} are free`;
	if (availableBytes < LITTLE_MEMORY)
		return warning(words, 'Stop what is not needed: systemd-cgtop -m shows it.');
	return ok(words);
}

function lookAtJournal({ journal }: Facts): Judgement {
	if (journal === null) return ok('its folder is named by a configuration: --config FILE looks at it');
	return lookAtPlace('the journal', journal);
}

const MAKE_ROOM =
	'Make room on its disk (df -h shows it), or name a folder on another one in the configuration.';

function lookAtPlace(what: string, { folder, state, freeBytes }: Place): Judgement {
	const room = freeBytes === null ? 'with unknown room' : `with ${gibi(freeBytes)} free`;
	if (state === 'refused')
		return missing(
			`"${folder}", where ${what} would be kept, may not be written to`,
			`sudo install -d -o inspectord -g inspectord "${folder}", when it is the daemon's alone; or ask as its user: sudo -u inspectord inspectord doctor`,
		);
	const words = `"${folder}" ${state === 'absent' ? 'will be made' : 'is there'}, ${room}`;
	if (freeBytes !== null && freeBytes < LITTLE_ROOM) return missing(words, MAKE_ROOM);
	if (freeBytes === null || freeBytes < SOME_ROOM) return warning(words, MAKE_ROOM);
	return ok(words);
}

function lookAtClock({ clock }: Facts): Judgement {
	if (clock === true) return ok('the clock is synchronised');
	const words =
		clock === null ? 'nobody tells whether the clock is synchronised' : 'the clock is not synchronised';
	return warning(
		`${words}: times in verdicts may be wrong`,
		'sudo apt install systemd-timesyncd && sudo timedatectl set-ntp true; where the network has a time server of its own, name it in /etc/systemd/timesyncd.conf.',
	);
}

function lookAtVideo({ devices: { video, closedVideo }, user }: Facts): Judgement {
	if (closedVideo.length > 0)
		return missing(
			`${user} may not use ${closedVideo.join(', ')}`,
			`sudo usermod -aG video ${user}, then log in anew; the unit in systemd/ has the group`,
		);
	return ok(video.length === 0 ? 'no camera at /dev/video*' : `${user} may use ${video.join(', ')}`);
}

function lookAtNames({ cameras, devices: { stableNames } }: Facts): Judgement {
	const numbered = cameras.map((source) => numberedNode(source.trim())).filter((node) => node !== undefined);
	if (numbered.length === 0) return ok('no camera is named by the order in which it was found');
	const better = numbered.map((node) => [node, stableNames.find((named) => named.node === node)?.name]);
	const known = better.filter(([, name]) => name !== undefined);
	return warning(
		`${numbered.join(', ')}: after a restart another camera may have this name`,
		known.length === 0
			? 'Install the udev rule in systemd/ (docs/install.md), and use the names in /dev/inspectord.'
			: `In the configuration: ${known.map(([node, name]) => `${name} instead of ${node}`).join(', ')}`,
	);
}

/** The daemon has another way to tell it (src/systemd/notify.ts). */
function lookAtSystemd({ systemd: { message, failure } }: Facts): Judgement {
	if (failure === undefined) return ok(message);
	return warning(
		`${failure.message}: the program systemd-notify tells systemd in its place, which needs NotifyAccess=all in the unit`,
		failure.advice ?? REPAIR,
	);
}

/** So often nobody restarts it by hand. */
const MANY_RESTARTS = 3;

function lookAtUnit({ unit }: Facts): Judgement {
	if (unit === null)
		return warning(
			'no systemd answers: nobody starts the daemon again',
			'Run it under one (docs/install.md).',
		);
	if (unit === 'unheard')
		return warning(
			'systemd does not tell this user how inspectord.service is',
			'Ask as root: sudo systemctl status inspectord (or, for every user: sudo apt install dbus).',
		);
	const { isThere, isEnabled, state, restarts } = unit;
	if (!isThere)
		return warning('there is no unit "inspectord.service"', 'Install it as docs/install.md says.');
	if (state === 'failed')
		return missing('inspectord.service has failed', 'journalctl -u inspectord -p warning tells why.');
	if (!isEnabled)
		return warning('inspectord.service does not start with the box', 'sudo systemctl enable inspectord');
	if (restarts >= MANY_RESTARTS)
		return warning(
			`inspectord.service was started again ${restarts} times`,
			'journalctl -u inspectord -p warning tells why.',
		);
	return ok(`inspectord.service is enabled, and ${state}`);
}

function lookAtJetPack({ accelerator: { device, l4t } }: Facts): Judgement {
	if (l4t === null)
		return missing(
			`this is no Jetson, or one without Jetson Linux${device === null ? '' : `: ${device}`}`,
			'Leave out --jetson, or flash JetPack 6.2 (docs/jetson.md).',
		);
	const jetpack = jetPackOf(l4t);
	if (!jetpack)
		return warning(
			`Jetson Linux ${l4t} is of no JetPack that this program knows`,
			'See docs/jetson.md, which JetPacks it knows.',
		);
	return ok(`JetPack ${jetpack.name} (Jetson Linux ${l4t}) on ${device ?? 'a board without a name'}`);
}

function lookAtDriver({ accelerator: { driver, sm } }: Facts): Judgement {
	if (driver === null)
		return missing(
			'no driver of the GPU is loaded',
			'sudo dmesg | grep -iE "nvgpu|nvidia" tells why; then start the box anew.',
		);
	if (sm === null)
		return warning(
			`driver ${driver}, but of a chip that this program does not know`,
			'Engines cannot be kept for it: please report its /proc/device-tree/compatible.',
		);
	return ok(`driver ${driver}, compute capability ${sm}`);
}

function lookAtAccess({ devices: { closedGpu }, user }: Facts): Judgement {
	if (closedGpu === null)
		return missing(
			'there are no device nodes of the GPU',
			'Start the box anew; in a container, give it the GPU.',
		);
	if (closedGpu.length === 0) return ok(`${user} may use the GPU`);
	return missing(
		`${user} may not use ${closedGpu.join(', ')}`,
		`sudo usermod -aG video,render ${user}, then log in anew; the unit in systemd/ has both groups`,
	);
}

const libraryOf = (accelerator: Accelerator, key: 'cuda' | 'cudnn' | 'tensorrt') => accelerator[key];

function lookAtLibrary(name: string, key: 'cuda' | 'cudnn' | 'tensorrt', { accelerator }: Facts): Judgement {
	const version = libraryOf(accelerator, key);
	const jetpack = accelerator.l4t === null ? undefined : jetPackOf(accelerator.l4t);
	if (version === null) return missing(`${name} is not there`, ALL_OF_JETPACK);
	if (jetpack && !isOf(version, jetpack[key]))
		return warning(
			`${name} ${version}, but JetPack ${jetpack.name} brings ${jetpack[key]}`,
			'Build ONNX Runtime against what is here (docs/jetson.md), or install what JetPack brings.',
		);
	return ok(`${name} ${version}`);
}

function lookAtTrtexec({ trtexec, accelerator: { tensorrt } }: Facts): Judgement {
	if ('failure' in trtexec)
		return missing(trtexec.failure.message, 'sudo apt update && sudo apt install libnvinfer-bin');
	const { path, version } = trtexec;
	const words = `trtexec ${version} in "${path}"`;
	if (!RELEASES.some((row) => isWithin(version, row)))
		return missing(
			`${words}, with which this program does not build`,
			'Use a TensorRT of JetPack 6 or 7 (docs/jetson.md).',
		);
	if (tensorrt !== null && compareVersions(version, tensorrt) !== 0)
		return missing(
			`${words}, but TensorRT is ${tensorrt}: no engine of it would be loaded`,
			'Name the trtexec of that TensorRT in INSPECTORD_TRTEXEC.',
		);
	return ok(words);
}

const isWithin = (version: string, { from, below }: (typeof RELEASES)[number]): boolean =>
	compareVersions(version, from.join('.')) >= 0 && compareVersions(version, below.join('.')) < 0;

function lookAtProvider({ tensorrt, accelerator: { l4t } }: Facts): Judgement {
	if (tensorrt.failure === undefined) return ok(tensorrt.message);
	const { message, advice } = tensorrt.failure;
	return missing(
		message,
		refusalOf(l4t === null ? undefined : jetPackOf(l4t)) ?? advice ?? 'See docs/jetson.md.',
	);
}

/** Where no advice helps. */
function refusalOf(jetpack: JetPack | undefined): string | undefined {
	if (jetpack?.reach !== 'refused') return undefined;
	return `ONNX Runtime of today is not made for JetPack ${jetpack.name}: compute on the processor, or move an Orin to JetPack 6.2 (docs/jetson.md).`;
}

function lookAtPower({ condition: { power } }: Facts): Judgement {
	const best = strongest(power.modes);
	if (power.mode === null || best === undefined)
		return warning('nvpmodel does not tell its power mode', 'sudo nvpmodel -q');
	if (power.mode.id === best.id) return ok(`power mode ${power.mode.name}`);
	return warning(
		`power mode ${power.mode.name}, ${best.name} computes faster`,
		`sudo nvpmodel -m ${best.id}, where supply and cooling are made for it`,
	);
}

function lookAtClocks({ condition: { clocks } }: Facts): Judgement {
	if (clocks.locked === null) return warning('the clocks cannot be read', 'sudo jetson_clocks --show');
	if (clocks.locked) return ok('the clocks are held');
	return warning(
		'the clocks follow the load: the first parts after a pause take longer',
		'sudo jetson_clocks, after every start (docs/jetson.md)',
	);
}

function lookAtHeat({ condition: { thermal, throttled } }: Facts): Judgement {
	const { hottest, slowed, events } = thermal;
	if (throttled === true) {
		const by = slowed !== null && slowed.length > 0 ? slowed.join(', ') : 'a protection';
		return warning(`the box is slowed down by ${by}`, 'See to its cooling, or take a lower power mode.');
	}
	if (hottest === null) return warning('no thermometer tells anything', 'ls /sys/class/thermal');
	const { zone, celsius, limitCelsius } = hottest;
	const words = `${zone} ${celsius.toFixed(1)} °C${limitCelsius === null ? '' : `, slowed down from ${limitCelsius} °C on`}`;
	if (limitCelsius !== null && celsius > limitCelsius - NEAR_CELSIUS)
		return warning(words, 'See to its cooling.');
	if (events !== null && events > 0)
		return warning(
			`${words}; slowed down ${events} times since the start for its current or voltage`,
			'See to its supply and cable, or take a lower power mode.',
		);
	return ok(words);
}

function lookAtCameras({ devices: { video, argus } }: Facts): Judgement {
	const csi = {
		listening: 'nvargus-daemon listens',
		installed: 'nvargus-daemon does not listen',
		absent: '',
	}[argus];
	const words = [video.length === 0 ? 'no /dev/video*' : video.join(', '), csi].filter(Boolean).join('; ');
	if (argus === 'installed' && video.length > 0)
		return warning(words, 'For nvarguscamerasrc: sudo systemctl restart nvargus-daemon');
	if (video.length === 0)
		return warning(
			words,
			'Only cameras over the network, pictures in folders and the simulated line will work.',
		);
	return ok(words);
}

function lookAtSwap({ devices: { swap }, condition: { memory } }: Facts): Judgement {
	if (swap === 'none')
		return warning(
			'there is no swap: what needs more memory for a moment is killed',
			'sudo systemctl enable --now nvzramconfig',
		);
	const size = memory.swapBytes === null ? '' : `, ${gibi(memory.swapBytes)}`;
	return ok(`${swap === 'zram' ? 'compressed memory' : 'a disk'} for swap${size}`);
}

function lookAtDesktop({ devices: { desktop } }: Facts): Judgement {
	if (desktop === null) return ok('nobody tells whether a desktop is started');
	if (!desktop) return ok('no desktop is started');
	return warning(
		'a desktop is started, which takes memory from the GPU',
		'sudo systemctl set-default multi-user.target, then start the box anew',
	);
}

const gibi = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

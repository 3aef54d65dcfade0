import { type Below, bare } from './below.js';
import { integerOf } from './number.js';

/** `locked`: the kernel may not lower it, as after jetson_clocks. */
export type Clock = { readonly name: string; readonly hertz: number; readonly locked: boolean };

export type Clocks = {
	/** A group of cores that share their clock each. */
	readonly cpu: readonly Clock[];
	readonly gpu: readonly Clock[];
	/** Whether all of them are; null where the machine tells of none. */
	readonly locked: boolean | null;
};

const CPUFREQ = '/sys/devices/system/cpu/cpufreq';
const DEVFREQ = '/sys/class/devfreq';

/** Names of Jetson's GPUs: 17000000.gpu, 17000000.ga10b, 17000000.gv11b; Thor's two domains. */
const GPU = /(^|\.)(gpu|gp10b|gv11b|ga10b|gb10b)\b/;

/** Reads cpufreq and devfreq. Never throws. */
export async function clocks(files: Below): Promise<Clocks> {
	const [policies, devices] = await Promise.all([files.names(CPUFREQ), files.names(DEVFREQ)]);
	const [cpu, gpu] = await Promise.all([
		clocksOf(
			files,
			CPUFREQ,
			policies.filter((name) => /^policy\d+$/.test(name)),
			{
				governor: 'scaling_governor',
				now: 'scaling_cur_freq',
				least: 'scaling_min_freq',
				most: 'scaling_max_freq',
				unit: 1000,
			},
		),
		clocksOf(
			files,
			DEVFREQ,
			devices.filter((name) => GPU.test(name)),
			{
				governor: 'governor',
				now: 'cur_freq',
				least: 'min_freq',
				most: 'max_freq',
				unit: 1,
			},
		),
	]);
	const all = [...cpu, ...gpu];
	return { cpu, gpu, locked: all.length === 0 ? null : all.every(({ locked }) => locked) };
}

type Names = {
	readonly governor: string;
	readonly now: string;
	readonly least: string;
	readonly most: string;
	readonly unit: number;
};

async function clocksOf(
	{ text }: Below,
	folder: string,
	names: readonly string[],
	{ governor, now, least, most, unit }: Names,
): Promise<readonly Clock[]> {
	const found = await Promise.all(
		names.map(async (name): Promise<Clock | null> => {
			const [by, hertz, from, to] = await Promise.all(
				[governor, now, least, most].map((file) => text(`${folder}/${name}/${file}`)),
			);
			const value = integerOf(hertz ?? null);
			if (value === null) return null;
			const [low, high] = [integerOf(from ?? null), integerOf(to ?? null)];
			const locked = bare(by ?? null) === 'performance' || (low !== null && low === high);
			return { name, hertz: value * unit, locked };
		}),
	);
	return found.filter((clock) => clock !== null);
}

import { type Below, bare } from './below.js';
import { integerOf } from './number.js';

/** One of nvpmodel's power modes; the id is what `nvpmodel -m` takes. */
export type PowerMode = { readonly id: number; readonly name: string };

export type Rail = { readonly rail: string; readonly watts: number };

export type Power = {
	/** What nvpmodel set last; null where there is none, or it is not told. */
	readonly mode: PowerMode | null;
	/** All that this module knows. */
	readonly modes: readonly PowerMode[];
	readonly rails: readonly Rail[];
	/** Of the whole module or board; null where no rail measures that. */
	readonly watts: number | null;
};

/** Rails through which everything flows: Orin NX and Nano and Xavier NX; Thor; Nano. */
const INPUTS = ['VIN', 'VDD_IN', 'POM_5V_IN'];

/** Reads nvpmodel's files and the power monitors (INA3221, INA238). Never throws. */
export async function power(files: Below): Promise<Power> {
	const [conf, status, rails] = await Promise.all([
		files.text('/etc/nvpmodel.conf'),
		files.text('/var/lib/nvpmodel/status'),
		railsOf(files),
	]);
	const modes = modesOf(conf);
	const id = /^pmode:(\d+)\b/m.exec(status ?? '')?.[1];
	const input = INPUTS.flatMap((name) => rails.filter(({ rail }) => rail === name))[0];
	return {
		mode: id === undefined ? null : (modes.find((mode) => mode.id === Number(id)) ?? null),
		modes,
		rails,
		watts: input?.watts ?? null,
	};
}

/** Of nvpmodel.conf: `< POWER_MODEL ID=2 NAME=MAXN_SUPER >`. */
export function modesOf(conf: string | null): readonly PowerMode[] {
	const found = (conf ?? '').matchAll(/^\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>/gm);
	return [...found].map(([, id, name = '']) => ({ id: Number(id), name }));
}

/** The mode that limits least: MAXN_SUPER, MAXN, else the most watts by its name; undefined where there is none. */
export function strongest(modes: readonly PowerMode[]): PowerMode | undefined {
	const rank = ({ name }: PowerMode) =>
		name === 'MAXN_SUPER' ? Infinity : /^MAXN/.test(name) ? 1e6 : Number(/^(\d+)W/.exec(name)?.[1] ?? 0);
	return modes.reduce<PowerMode | undefined>(
		(a, b) => (a === undefined || rank(b) > rank(a) ? b : a),
		undefined,
	);
}

const HWMON = '/sys/class/hwmon';

async function railsOf({ text, names }: Below): Promise<readonly Rail[]> {
	const chips = await names(HWMON);
	const found = await Promise.all(
		chips.map(async (chip): Promise<(Rail | null)[]> => {
			const at = `${HWMON}/${chip}`;
			if (!/^ina\d+/.test(bare(await text(`${at}/name`)) ?? '')) return [];
			const channels = (await names(at)).flatMap((name) => /^in(\d+)_label$/.exec(name)?.[1] ?? []);
			if (channels.length === 0) return [await railOf(text, at, '1', 'label')];
			return Promise.all(channels.map((channel) => railOf(text, at, channel, `in${channel}_label`)));
		}),
	);
	return found.flat().filter((rail) => rail !== null);
}

/** Microwatts where the chip multiplies, else millivolts by milliamperes; what has no current is no rail (hwmon's sysfs-interface.rst). */
async function railOf(
	text: Below['text'],
	at: string,
	channel: string,
	labelled: string,
): Promise<Rail | null> {
	const [label, product, voltage, current] = await Promise.all(
		[labelled, `power${channel}_input`, `in${channel}_input`, `curr${channel}_input`].map((name) =>
			text(`${at}/${name}`),
		),
	);
	const rail = bare(label ?? null);
	const [microwatts, millivolts, milliamperes] = [product, voltage, current].map((value) =>
		integerOf(value ?? null),
	);
	if (rail === null || rail === 'NC') return null;
	if (typeof microwatts === 'number') return { rail, watts: microwatts / 1e6 };
	if (typeof millivolts !== 'number' || typeof milliamperes !== 'number') return null;
	return { rail, watts: (millivolts * milliamperes) / 1e6 };
}

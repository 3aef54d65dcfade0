import { type Below, bare } from './below.js';
import { integerOf } from './number.js';

/** A place with a thermometer; `limitCelsius`: where the kernel begins to slow the box down, null where none is told. */
export type Zone = { readonly zone: string; readonly celsius: number; readonly limitCelsius: number | null };

export type Thermal = {
	/** Null where no thermometer tells anything. */
	readonly hottest: Zone | null;
	/** Which of the kernel's brakes are on now: "devfreq-17000000.gpu"; null where it has none. */
	readonly slowed: readonly string[] | null;
	/** How often since the start of the system the box was slowed down for its current or heat; null where nobody counts. */
	readonly events: number | null;
};

const THERMAL = '/sys/class/thermal';

/** Cooling devices that take clocks away; fans, displays and alerts for hot surfaces do not (names of drivers/thermal, of ACPI and of Jetson Linux). */
const BRAKES =
	/^(thermal-)?(cpufreq|devfreq)-|^Processor$|^intel_powerclamp$|-throttle-alert$|^[cg]pu-balanced$/;

/** Sensors that are off say −256 °C, some of a power supply always the same; silicon is neither. */
const SENSIBLE = { from: -100, to: 250 } as const;
const MADE_UP = /^PMIC/i;

/** Reads what the kernel knows of heat (Documentation/driver-api/thermal/sysfs-api.rst). Never throws. */
export async function thermal(files: Below): Promise<Thermal> {
	const names = await files.names(THERMAL);
	const [zones, brakes, events] = await Promise.all([
		Promise.all(names.filter((name) => /^thermal_zone\d+$/.test(name)).map((name) => zoneOf(files, name))),
		Promise.all(names.filter((name) => /^cooling_device\d+$/.test(name)).map((name) => brakeOf(files, name))),
		eventsOf(files),
	]);
	const hottest = zones.reduce(
		(a, b) => ((b?.celsius ?? -Infinity) > (a?.celsius ?? -Infinity) ? b : a),
		null,
	);
	const told = brakes.filter((brake) => brake !== null);
	return {
		hottest: hottest && {
			zone: hottest.zone,
			celsius: hottest.celsius,
			limitCelsius: await limitOf(files, hottest.name),
		},
		slowed: told.length === 0 ? null : told.filter(({ isOn }) => isOn).map(({ type }) => type),
		events,
	};
}

/** `before`: as it was read last; counters tell what passed since then. Null where the machine tells nothing. */
export function isThrottled({ slowed, events }: Thermal, before: Thermal | undefined): boolean | null {
	if (slowed === null && events === null) return null;
	return (slowed?.length ?? 0) > 0 || (events ?? 0) > (before?.events ?? events ?? 0);
}

type Thermometer = { readonly name: string; readonly zone: string; readonly celsius: number };

async function zoneOf({ text }: Below, name: string): Promise<Thermometer | null> {
	const [type, value] = await Promise.all([text(`${THERMAL}/${name}/type`), text(`${THERMAL}/${name}/temp`)]);
	const zone = bare(type) ?? name;
	const celsius = celsiusOf(value);
	return celsius === null || MADE_UP.test(zone) ? null : { name, zone, celsius };
}

function celsiusOf(text: string | null): number | null {
	const thousandths = integerOf(text);
	if (thousandths === null) return null;
	const celsius = thousandths / 1000;
	return celsius > SENSIBLE.from && celsius < SENSIBLE.to ? celsius : null;
}

async function brakeOf({ text }: Below, name: string): Promise<{ type: string; isOn: boolean } | null> {
	const type = bare(await text(`${THERMAL}/${name}/type`));
	if (type === null || !BRAKES.test(type)) return null;
	const state = integerOf(await text(`${THERMAL}/${name}/cur_state`));
	return state === null ? null : { type, isOn: state > 0 };
}

/** The lowest of the trip points at which a brake is put on; others only warn, or switch a fan. */
async function limitOf({ text, names }: Below, zone: string): Promise<number | null> {
	const at = `${THERMAL}/${zone}`;
	const bound = (await names(at)).filter((name) => /^cdev\d+$/.test(name));
	const limits = await Promise.all(
		bound.map(async (name) => {
			if (!BRAKES.test(bare(await text(`${at}/${name}/type`)) ?? '')) return null;
			const trip = integerOf(await text(`${at}/${name}_trip_point`));
			return trip === null ? null : celsiusOf(await text(`${at}/trip_point_${trip}_temp`));
		}),
	);
	const told = limits.filter((limit): limit is number => limit !== null && limit > 0);
	return told.length === 0 ? null : Math.min(...told);
}

/** Jetson counts over-currents and under-voltages (tegra23x-oc), Intel's processors their own brakes. */
async function eventsOf({ text, names }: Below): Promise<number | null> {
	const chips = await names('/sys/class/hwmon');
	const counters = await Promise.all(
		chips.map(async (chip) =>
			(await names(`/sys/class/hwmon/${chip}`))
				.filter((name) => /^oc\d+_event_cnt$/.test(name))
				.map((name) => `/sys/class/hwmon/${chip}/${name}`),
		),
	);
	const own = '/sys/devices/system/cpu/cpu0/thermal_throttle';
	const paths = [...counters.flat(), `${own}/core_throttle_count`, `${own}/package_throttle_count`];
	const counts = await Promise.all(paths.map(async (path) => integerOf(await text(path))));
	const told = counts.filter((count) => count !== null);
	return told.length === 0 ? null : told.reduce((sum, count) => sum + count, 0);
}

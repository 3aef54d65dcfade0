import { type Accelerator, accelerator } from '../machine/accelerator.js';
import { type Condition, watchCondition } from '../machine/condition.js';
import { processorName } from '../machine/processor.js';
import { systemName } from '../machine/system.js';

/** How often the machine is asked what it draws and has left, while something is measured. */
const LOOK_MS = 250;

/** What a machine is, in words: processor, cores and system, and what computes beside them. */
export async function machineWords(): Promise<string[]> {
	return [await processorName(), await systemName(), ...acceleratorWords(await accelerator())];
}

/** Nothing where nothing computes beside the processor. */
export function acceleratorWords({ device, driver, sm, l4t, tensorrt, cuda }: Accelerator): string[] {
	if (driver === null && l4t === null) return [];
	const told = [
		device,
		sm && `SM ${sm}`,
		driver && `driver ${driver}`,
		l4t && `L4T ${l4t}`,
		cuda && `CUDA ${cuda}`,
		tensorrt && `TensorRT ${tensorrt}`,
	];
	return [told.filter(Boolean).join(', ')];
}

/** How a machine is, in words: what it does not tell is left out. */
export function conditionWords({ power, clocks, thermal, throttled }: Condition): string[] {
	const fastest = (name: string, of: Condition['clocks']['cpu']) =>
		of.length === 0 ? [] : [`${name} at ${Math.round(Math.max(...of.map(({ hertz }) => hertz)) / 1e6)} MHz`];
	return [
		...(power.mode === null ? [] : [`power mode ${power.mode.name}`]),
		...fastest('processor', clocks.cpu),
		...fastest('GPU', clocks.gpu),
		...(clocks.locked === null ? [] : [clocks.locked ? 'clocks locked' : 'clocks not locked']),
		...(thermal.hottest === null
			? []
			: [`${thermal.hottest.celsius.toFixed(0)} °C at ${thermal.hottest.zone}`]),
		...(throttled === null ? [] : [throttled ? '**slowed down** for heat or current' : 'not slowed down']),
	];
}

/** What a machine drew and had less of while something was measured; null where it does not tell. */
export type Drawn = { readonly watts: number | null; readonly boxBytes: number | null };

/** Watches the machine while something is done: the mean of what was drawn, and the most memory that was gone. */
export async function drawnWhile<T>(
	work: () => Promise<T>,
	ask: () => Promise<Condition> = watchCondition(),
): Promise<{ readonly value: T; readonly drawn: Drawn }> {
	const before = await ask();
	const seen: Condition[] = [];
	let looking: Promise<unknown> = Promise.resolve();
	const look = () => {
		looking = looking.then(ask).then((condition) => seen.push(condition));
		return looking;
	};
	const timer = setInterval(look, LOOK_MS);
	let value: T;
	try {
		value = await work();
	} finally {
		clearInterval(timer);
		await look();
	}
	const watts = seen.flatMap(({ power }) => power.watts ?? []);
	const left = seen.flatMap(({ memory }) => memory.availableBytes ?? []);
	const { availableBytes } = before.memory;
	const drawn = {
		watts: watts.length === 0 ? null : watts.reduce((a, b) => a + b, 0) / watts.length,
		boxBytes: availableBytes === null || left.length === 0 ? null : availableBytes - Math.min(...left),
	};
	return { value, drawn };
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { acceleratorWords, conditionWords, drawnWhile } from '../../src/commands/bench-box.js';
import type { Accelerator } from '../../src/machine/accelerator.js';
import type { Condition } from '../../src/machine/condition.js';

const test = suite('the box of a bench');

const silent: Condition = {
	thermal: { hottest: null, slowed: null, events: null },
	throttled: null,
	power: { mode: null, modes: [], rails: [], watts: null },
	clocks: { cpu: [], gpu: [], locked: null },
	memory: { totalBytes: null, availableBytes: null, swapBytes: null },
};

const clock = (hertz: number) => ({ name: 'c', hertz, locked: true });

const conditions: readonly (readonly [changes: Partial<Condition>, words: readonly string[]])[] = [
	[{}, []],
	[{ power: { ...silent.power, mode: { id: 0, name: 'MAXN' } } }, ['power mode MAXN']],
	[
		{ clocks: { cpu: [clock(1.5104e9), clock(7e8)], gpu: [clock(6.245e8)], locked: true } },
		['processor at 1510 MHz', 'GPU at 625 MHz', 'clocks locked'],
	],
	[{ clocks: { cpu: [clock(1e9)], gpu: [], locked: false } }, ['processor at 1000 MHz', 'clocks not locked']],
	[
		{ thermal: { ...silent.thermal, hottest: { zone: 'gpu-thermal', celsius: 51.5, limitCelsius: 99 } } },
		['52 °C at gpu-thermal'],
	],
	[{ throttled: false }, ['not slowed down']],
	[{ throttled: true }, ['**slowed down** for heat or current']],
];

test('a condition is told in words, and what the machine does not tell is left out', () => {
	for (const [changes, words] of conditions) assert.equal(conditionWords({ ...silent, ...changes }), words);
});

test('what computes beside the processor is told where there is something', () => {
	const nothing: Accelerator = {
		device: null,
		driver: null,
		sm: null,
		l4t: null,
		tensorrt: null,
		cuda: null,
		cudnn: null,
	};
	assert.equal(acceleratorWords(nothing), []);
	assert.equal(acceleratorWords({ ...nothing, cuda: '12.6.68' }), []);
	const orin = {
		...nothing,
		device: 'Orin',
		driver: '540.4.0',
		sm: '8.7',
		l4t: '36.4.3',
		tensorrt: '10.3.0',
	};
	assert.equal(acceleratorWords(orin), ['Orin, SM 8.7, driver 540.4.0, L4T 36.4.3, TensorRT 10.3.0']);
});

/** Of one question after the other; the last one goes on. */
function asked(...told: readonly { readonly watts: number | null; readonly left: number | null }[]) {
	let i = 0;
	return async (): Promise<Condition> => {
		const { watts, left } = told[Math.min(i, told.length - 1)]!;
		i += 1;
		return {
			...silent,
			power: { ...silent.power, watts },
			memory: { ...silent.memory, availableBytes: left },
		};
	};
}

test('what was drawn is the mean while something was done, and the memory what was gone at most', async () => {
	const { value, drawn } = await drawnWhile(
		async () => 'done',
		asked({ watts: 100, left: 900 }, { watts: 8, left: 400 }),
	);
	assert.is(value, 'done');
	assert.equal(drawn, { watts: 8, boxBytes: 500 });
	const untold = await drawnWhile(async () => {}, asked({ watts: null, left: null }));
	assert.equal(untold.drawn, { watts: null, boxBytes: null });
});

test('what fails is thrown on, and nothing is watched any more', async () => {
	let asks = 0;
	const ask = async () => {
		asks += 1;
		return silent;
	};
	const failing = drawnWhile(() => Promise.reject(new Error('no model')), ask);
	assert.is(await failing.catch((thrown: Error) => thrown.message), 'no model');
	assert.is(asks, 2);
	assert.not.ok(process.getActiveResourcesInfo().includes('Timeout'));
});

test.run();

import { Failure } from '../../src/base/failure.js';
import type { Provider } from '../../src/base/provider.js';
import { loadOrt, ortPlace } from '../../src/ort/library.js';
import { lackOf } from '../../src/ort/presence.js';
import { openSession } from '../../src/ort/session.js';
import { doubling } from './doubling.js';

/** Loads ONNX Runtime from a folder, which a process does once, computes with it, and tells what it lacks for the providers that are named. */
const [folder = '', ...providers] = process.argv.slice(2) as [string, ...Provider[]];
try {
	const place = ortPlace(folder);
	loadOrt(place);
	const session = await openSession(doubling(), { threads: 1 });
	const { y } = await session.run({ x: { dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) } });
	await session.close();
	const lacks = providers.map((provider) => {
		const lack = lackOf(provider, place);
		return lack && { isAbsent: lack.isAbsent, message: lack.failure.message, advice: lack.failure.advice };
	});
	console.log(JSON.stringify({ place, computed: [...y!.data], lacks }));
} catch (thrown) {
	if (!(thrown instanceof Failure)) throw thrown;
	const { code, message, advice } = thrown;
	console.log(JSON.stringify({ code, message, advice }));
}

// Stands in for a processor or driver that goes wrong while it runs: loaded before the program, it changes what the model
// gives in a station's process while the file in FAILING_MODEL is there, or gives nothing any more while that in HANGING_MODEL is.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

if (process.argv[2] === 'station') {
	const { InferenceSession } = createRequire(import.meta.url)('onnxruntime-node') as {
		InferenceSession: { create(...args: unknown[]): Promise<{ run(...args: unknown[]): Promise<unknown> }> };
	};
	const create = InferenceSession.create.bind(InferenceSession);
	InferenceSession.create = async (...args) => {
		const session = await create(...args);
		const run = session.run.bind(session);
		session.run = async (...given) => {
			const results = (await run(...given)) as Record<string, { data: Float32Array }>;
			if (existsSync(process.env.HANGING_MODEL ?? '')) await new Promise(() => {});
			if (!existsSync(process.env.FAILING_MODEL ?? '')) return results;
			for (const { data } of Object.values(results)) data.set(data.map((v) => v * 1.01));
			return results;
		};
		return session;
	};
}

import type { Provider } from '../base/provider.js';
import { encodeOnnx } from '../graph/onnx.js';
import { lacking, without } from '../graph/plain.js';
import type { Feeds, Session } from '../graph/session.js';
import { float32 } from '../graph/tensor.js';
import { median } from '../measure/statistics.js';
import type { AdamSchedule } from '../model/adam.js';
import { NEXT, type StepProgram } from '../model/step.js';
import type { TeachingProvider } from '../protocol/teach-messages.js';
import type { TeachWorld } from './lesson.js';
import { candidates, differenceIn, type Named, reasonIn, stepBack, TRIAL_STEPS } from './trial.js';

/** A network's whole state, twice: a step reads one and writes the other. */
export type States = { readonly now: Named; readonly next: Named };

/** Takes the steps of a lesson, wherever they run. */
export type Steps = {
	/** Where the next one runs. */
	readonly provider: Provider;
	/** Writes `states.next`. Blocks the thread. `ms`: what the step took where the lesson means to run. @throws Failure model-failed */
	take(teacher: Feeds, states: States, schedule: AdamSchedule): Promise<{ loss: number; ms: number }>;
	close(): Promise<void>;
};

export type StepsWorld = Pick<TeachWorld, 'openSession' | 'now' | 'report'>;

/** Of the trial, the first steps that touch memory or compile what they need are not timed. */
const UNTIMED_STEPS = 2;

/**
 * Opens a step where it is asked for. Another provider than the processor is on trial first: each of its first steps is taken by the
 * processor, too, from the same state, and the lesson goes on from what the processor found; until then both are in memory.
 * @param spare a state that the trial may write to
 * @throws Failure provider-unavailable, model-failed where a provider was asked for by its name
 */
export async function openSteps(
	program: StepProgram,
	{ provider: asked, threads }: { readonly provider: TeachingProvider; readonly threads: number },
	{ openSession, now, report }: StepsWorld,
	spare: () => Named,
): Promise<Steps> {
	const open = (provider: Provider) =>
		openSession(encodeOnnx(without(program.graph, lacking[provider]), 'step'), {
			threads,
			memoryPlan: false,
			provider,
			recorded: provider !== 'cpu',
		});
	const warn = (message: string) => report({ phase: 'warning', message });
	const run = async (session: Session, teacher: Feeds, { now: from, next }: States, at: AdamSchedule) => {
		const schedule = { rate: float32([], [at.rate]), floor: float32([], [at.floor]) };
		const into = Object.fromEntries(Object.entries(next).map(([name, tensor]) => [name + NEXT, tensor]));
		const begun = now();
		const { loss } = await session.run({ ...teacher, ...from, ...schedule }, into);
		return { loss: loss!.data[0] as number, ms: now() - begun };
	};

	let other: { readonly provider: Provider; readonly session: Session } | undefined;
	for (const provider of candidates(asked)) {
		report({ phase: 'provider', provider });
		try {
			other = { provider, session: await open(provider) };
			break;
		} catch (thrown) {
			const reason = reasonIn(thrown);
			report({ phase: 'provider', provider: 'cpu' });
			stepBack(asked, provider, { code: 'provider-unavailable', reason }, warn);
		}
	}
	let processor: Session | undefined;
	let trial = other && { spare: spare(), own: [] as number[], reference: [] as number[] };
	const giveUp = async (code: 'provider-unavailable' | 'model-failed', reason: string): Promise<void> => {
		const { provider, session } = other!;
		[other, trial] = [undefined, undefined];
		await session.close().catch(() => {});
		report({ phase: 'provider', provider: 'cpu' });
		stepBack(asked, provider, { code, reason }, warn);
	};
	/** The processor's step counts, the other's is compared with it. @returns what the other one took */
	const onTrial = async (
		teacher: Feeds,
		states: States,
		at: AdamSchedule,
		reference: { readonly loss: number; readonly ms: number },
	): Promise<number> => {
		const { provider, session } = other!;
		const { spare: state, own, reference: references } = trial!;
		const step = references.length + 1;
		const found = await run(session, teacher, { now: states.now, next: state }, at).catch(reasonIn);
		const ranOn = step === 1 && typeof found !== 'string' ? (await session.ranOn()).join(' and ') : provider;
		const setback =
			typeof found === 'string'
				? found
				: ranOn !== provider
					? `its nodes ran on "${ranOn}"`
					: differenceIn(program, {
							before: states.now,
							reference: { loss: reference.loss, state: states.next },
							other: { loss: found.loss, state },
							schedule: at,
						});
		if (typeof found === 'string' || setback !== undefined) {
			await giveUp('model-failed', `in step ${step} of its trial: ${setback}`);
			return reference.ms;
		}
		own.push(found.ms);
		references.push(reference.ms);
		if (step < TRIAL_STEPS) return found.ms;
		const timed = [own, references].map((times) => median(times.slice(UNTIMED_STEPS))) as [number, number];
		if (asked === 'auto' && timed[0] >= timed[1]) {
			const [mine, theirs] = timed.map((ms) => `${(ms / 1000).toPrecision(2)} s`);
			await giveUp('provider-unavailable', `a step takes it ${mine}, the processor ${theirs}`);
			return reference.ms;
		}
		trial = undefined;
		await processor?.close();
		processor = undefined;
		return found.ms;
	};

	return {
		get provider() {
			return other?.provider ?? 'cpu';
		},
		take: async (teacher, states, at) => {
			if (other && !trial) {
				try {
					const found = await run(other.session, teacher, states, at);
					if (Number.isFinite(found.loss)) return found;
					await giveUp('model-failed', 'its loss is not a number');
				} catch (thrown) {
					if (!other) throw thrown;
					await giveUp('model-failed', reasonIn(thrown));
				}
			}
			processor ??= await open('cpu');
			const found = await run(processor, teacher, states, at);
			if (!other || !Number.isFinite(found.loss)) return found;
			return { loss: found.loss, ms: await onTrial(teacher, states, at, found) };
		},
		close: async () => {
			await other?.session.close();
			await processor?.close();
		},
	};
}

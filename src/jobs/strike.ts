import { readFile } from 'node:fs/promises';
import type { Context } from '../base/context.js';
import { assertBundlePlace, readBundle, writeBundle } from '../disk/bundle.js';
import { strike } from '../learn/strike.js';
import { loadOrt, ortPlace } from '../ort/library.js';
import type { Progress, StrikeRequest, Taught } from '../protocol/teach-messages.js';
import { goodFrames, preparedImages } from './good-images.js';
import { labelledImages } from './labelled-images.js';
import { taughtOf } from './taught.js';
import { teachWorld } from './world.js';

/** The threshold of a bundle taught anew: the same pictures in, another bundle on disk out. @throws Failure whatever that can meet, and the signal's reason */
export async function strikeFrom(
	request: StrikeRequest,
	{ version, env }: Pick<Context, 'version' | 'env'>,
	signal: AbortSignal,
	report: (progress: Progress) => void,
): Promise<Taught> {
	const started = performance.now();
	loadOrt(ortPlace(env.INSPECTORD_ORT));
	await assertBundlePlace(request.out);
	const { manifest, models } = await readBundle(request.from);
	const { tiling, region } = manifest.input;
	const part = region ?? undefined;
	const images = preparedImages(await goodFrames(request.images), part, tiling);
	const labelled =
		request.labelled === undefined ? undefined : await labelledImages(request.labelled, part, tiling);
	const model = await readFile(models.fp32!);
	const contents = await strike(
		images,
		{ place: request.from, manifest, model },
		{ ...request, labelled },
		teachWorld(version, signal, report),
	);
	signal.throwIfAborted();
	const written = await writeBundle(request.out, contents, request.isLinked);
	return taughtOf(written, { seconds: (performance.now() - started) / 1000, forecast: null });
}

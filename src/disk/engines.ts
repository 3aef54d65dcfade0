import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import {
	ENGINE_FORMAT_VERSION,
	type Engine,
	type EngineKey,
	type EngineRecord,
	type EngineSetback,
	engineId,
	engineRecordSchema,
	engineSetbackSchema,
	keyDifference,
} from '../model/engine.js';
import { flush, unfinished, writeWhole } from './file.js';
import { FolderWriter, sweep } from './folder.js';

const RECORD = 'engine.json';
const WRAPPER = 'model.onnx';

/** What the model of one node calls the engine beside it. */
export const ENGINE_FILE = 'model.engine';

const SETBACK = '.setback.json';

/** Of a record, or of a setback with its last words. */
const MOST_JSON_BYTES = 1e6;

/** Entries of a folder that are looked at. */
const MOST_LOOKED = 2000;

const ID = /^[0-9a-f]{8}-(?:fp32|fp16|int8)-[0-9a-f]{12}/;
const WHOLE_ID = new RegExp(`${ID.source}$`);

const AGAIN = 'Build it again with inspectord engine build.';

/**
 * Where engines are kept: below the cache folder that systemd gives, or the user's (XDG Base Directory Specification, where a path that
 * is not absolute does not count).
 */
export function enginesFolder(env: Readonly<Record<string, string | undefined>>): string {
	const absolute = (path: string | undefined) => (path !== undefined && isAbsolute(path) ? path : undefined);
	const [ofService] = (env.CACHE_DIRECTORY ?? '').split(':');
	const ofUser = () =>
		join(absolute(env.XDG_CACHE_HOME) ?? join(absolute(env.HOME) ?? homedir(), '.cache'), 'inspectord');
	return join(absolute(ofService) ?? ofUser(), 'engines');
}

/** Where trtexec notes what it measured, for the next engine: of one TensorRT and one kind of GPU each. */
export function timingCacheFile(
	folder: string,
	{ tensorrt, sm }: Pick<EngineKey, 'tensorrt' | 'sm'>,
): string {
	const plain = (text: string) => text.replace(/[^A-Za-z0-9.]/g, '_');
	return join(resolve(folder), `timing-${plain(tensorrt)}-${plain(sm)}.cache`);
}

/**
 * The engine of a key, undefined where none was built.
 * @throws Failure engine-invalid when what stands there is damaged, half written, of another format, or was built for something else
 */
export async function findEngine(folder: string, key: EngineKey): Promise<Engine | undefined> {
	const id = engineId(key);
	if (!(await exists(join(folder, id)))) return undefined;
	const engine = await readEngine(folder, id);
	const difference = keyDifference(engine.record.key, key);
	if (difference === '') return engine;
	throw invalid(join(folder, id), `it was built for ${difference}`);
}

/** Reads an engine, and verifies that it is whole, what its record says, and was let through. @throws Failure engine-invalid, engine-missing */
export async function readEngine(folder: string, id: string): Promise<Engine> {
	if (!WHOLE_ID.test(id) || !(await exists(join(folder, id))))
		throw new Failure(
			'engine-missing',
			`There is no engine "${id}" in "${folder}"`,
			'inspectord engine list names those that are there.',
		);
	const place = resolve(folder, id);
	const record = await recordOf(place);
	if (engineId(record.key) !== id)
		throw invalid(place, `its folder was renamed, or "${RECORD}" altered: it is "${engineId(record.key)}"`);
	const failed = record.gate.find(({ ok }) => !ok);
	if (record.gate.length === 0 || failed)
		throw invalid(
			place,
			failed
				? `it does not score like float32: its ${failed.measure} is ${failed.value}, the limit is ${failed.limit}`
				: 'it was never compared with float32',
		);
	for (const [name, expected] of [
		[WRAPPER, record.wrapper],
		[ENGINE_FILE, record.engine],
	] as const) {
		const found = await hashOf(join(place, name)).catch((thrown) => {
			throw invalid(place, stateOf(name, thrown));
		});
		if (found !== expected) throw invalid(place, `"${name}" is damaged or cut off (its SHA-256 differs)`);
	}
	return { id, record, wrapper: join(place, WRAPPER), engine: join(place, ENGINE_FILE) };
}

/** What stands under a name: an engine, or why it is none. */
export type Listed = {
	readonly id: string;
	readonly engine?: Engine;
	readonly failure?: Failure;
	readonly setback?: EngineSetback;
};

/** All engines and setbacks, by name; what is not ours is passed over. None where there is no such folder. */
export async function listEngines(folder: string): Promise<Listed[]> {
	const names = (await readdir(folder).catch(() => [] as string[])).slice(0, MOST_LOOKED);
	const ids = names.flatMap((name) => {
		const id = name.endsWith(SETBACK) ? name.slice(0, -SETBACK.length) : name;
		return WHOLE_ID.test(id) ? [id] : [];
	});
	const listed: Listed[] = [];
	for (const id of [...new Set(ids)].sort()) {
		const setback = await setbackAt(folder, id);
		const found = names.includes(id) ? await engineOrFailure(folder, id) : {};
		if (setback || names.includes(id)) listed.push({ id, ...found, ...(setback && { setback }) });
	}
	return listed;
}

async function engineOrFailure(folder: string, id: string): Promise<Pick<Listed, 'engine' | 'failure'>> {
	try {
		return { engine: await readEngine(folder, id) };
	} catch (thrown) {
		if (thrown instanceof Failure) return { failure: thrown };
		throw thrown;
	}
}

/** Takes an engine and what is noted of its failure away. @returns false where there was neither; @throws Failure file-unwritable */
export async function removeEngine(folder: string, id: string): Promise<boolean> {
	if (!WHOLE_ID.test(id)) return false;
	const place = join(resolve(folder), id);
	try {
		const [stands, failed] = [await exists(place), await exists(place + SETBACK)];
		if (stands) {
			// Half an engine must never stand under its name.
			const aside = unfinished(place);
			await rename(place, aside);
			await flush(resolve(folder));
			await rm(aside, { recursive: true, force: true });
		}
		if (failed) await rm(place + SETBACK, { force: true });
		return stands || failed;
	} catch (thrown) {
		throw new Failure('file-unwritable', `Cannot remove engine "${place}": ${fileState(thrown)}`);
	}
}

/** An engine that is being made, beside its place; what is not installed goes with its scope. */
export type EngineDraft = AsyncDisposable & {
	/** Where the model of one node is, once it is written, and where trtexec shall write the engine. */
	readonly wrapper: string;
	readonly engine: string;
	/** Writes a file beside them, which an installed engine has no more. @returns its path; @throws Failure file-unwritable */
	scratch(name: string, content: Uint8Array): Promise<string>;
	writeWrapper(content: Uint8Array): Promise<void>;
	/** Whether something was written where the engine shall be. */
	holdsEngine(): Promise<boolean>;
	/** Puts it in its place, whole; what stood there goes. @throws Failure file-unwritable, engine-failed without an engine */
	install(record: Omit<EngineRecord, 'formatVersion' | 'engine' | 'wrapper'>): Promise<Engine>;
};

/** @throws Failure file-unwritable */
export async function draftEngine(folder: string, key: EngineKey): Promise<EngineDraft> {
	const id = engineId(key);
	const place = join(resolve(folder), id);
	await mkdir(folder, { recursive: true }).catch((thrown) => {
		throw new Failure(
			'file-unwritable',
			`Cannot write engines to "${folder}": ${fileState(thrown)}`,
			'Check the path and the permissions; CACHE_DIRECTORY or XDG_CACHE_HOME name another one.',
		);
	});
	await sweepAll(folder);
	const writer = await FolderWriter.open(place);
	const scratch: string[] = [];
	return {
		wrapper: writer.at(WRAPPER),
		engine: writer.at(ENGINE_FILE),
		scratch: async (name, content) => {
			await writer.write(name, content);
			scratch.push(name);
			return writer.at(name);
		},
		writeWrapper: (content) => writer.write(WRAPPER, content),
		holdsEngine: () =>
			lstat(writer.at(ENGINE_FILE)).then(
				(found) => found.isFile() && found.size > 0,
				() => false,
			),
		install: async (told) => {
			const engine = await hashOf(writer.at(ENGINE_FILE)).catch((thrown) => {
				throw new Failure('engine-failed', `Cannot install engine "${id}": ${stateOf(ENGINE_FILE, thrown)}`);
			});
			const wrapper = await hashOf(writer.at(WRAPPER));
			const record = engineRecordSchema.parse({
				formatVersion: ENGINE_FORMAT_VERSION,
				...told,
				engine,
				wrapper,
			});
			for (const name of scratch) await rm(writer.at(name), { force: true });
			await writer.taken(ENGINE_FILE);
			await writer.write(RECORD, `${JSON.stringify(record, null, '\t')}\n`);
			await writer.commit();
			return { id, record, wrapper: join(place, WRAPPER), engine: join(place, ENGINE_FILE) };
		},
		[Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
	};
}

/** What builds left that were killed: an engine has many megabytes. */
async function sweepAll(folder: string): Promise<void> {
	const names = await readdir(folder);
	const ids = names.flatMap((name) => {
		const id = ID.exec(name)?.[0];
		return id !== undefined && name !== id && !name.endsWith(SETBACK) ? [id] : [];
	});
	for (const id of new Set(ids)) await sweep(join(resolve(folder), id)).catch(() => {});
}

/** Why the build for a key failed the last time; undefined where it did not, or that can be read no more. */
export function readSetback(folder: string, key: EngineKey): Promise<EngineSetback | undefined> {
	return setbackAt(folder, engineId(key)).then((found) =>
		found && keyDifference(found.key, key) === '' ? found : undefined,
	);
}

/** @throws Failure file-unwritable */
export async function writeSetback(folder: string, setback: EngineSetback): Promise<void> {
	const text = `${JSON.stringify(engineSetbackSchema.parse(setback), null, '\t')}\n`;
	await writeWhole(join(resolve(folder), engineId(setback.key) + SETBACK), text);
}

export async function clearSetback(folder: string, key: EngineKey): Promise<void> {
	await rm(join(folder, engineId(key) + SETBACK), { force: true });
}

async function setbackAt(folder: string, id: string): Promise<EngineSetback | undefined> {
	const document = await jsonAt(join(folder, id + SETBACK)).catch(() => undefined);
	const parsed = engineSetbackSchema.safeParse(document);
	return parsed.success && engineId(parsed.data.key) === id ? parsed.data : undefined;
}

async function recordOf(place: string): Promise<EngineRecord> {
	const document = await jsonAt(join(place, RECORD)).catch((thrown) => {
		throw invalid(place, stateOf(RECORD, thrown));
	});
	const version = (document as { formatVersion?: unknown } | null)?.formatVersion;
	if (version !== undefined && version !== ENGINE_FORMAT_VERSION)
		throw invalid(
			place,
			`it has format version ${version}, this inspectord reads version ${ENGINE_FORMAT_VERSION}`,
		);
	const parsed = engineRecordSchema.safeParse(document);
	if (parsed.success) return parsed.data;
	const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'record'}: ${message}`);
	throw invalid(place, `"${RECORD}" is wrong: ${faults.slice(0, 3).join('; ')}`);
}

async function jsonAt(path: string): Promise<unknown> {
	const found = await lstat(path);
	if (!found.isFile()) throw new Error('it is no file');
	if (found.size > MOST_JSON_BYTES) throw new Error(`it has ${found.size} bytes`);
	return JSON.parse(await readFile(path, 'utf8'));
}

/** SHA-256 of a file, which may be larger than what fits into one buffer. @throws Error when it is no file, or empty */
async function hashOf(path: string): Promise<string> {
	const found = await lstat(path);
	// A link leads out of the folder, where anybody may change what stands there.
	if (!found.isFile()) throw new Error('it is no file');
	if (found.size === 0) throw new Error('it is empty');
	const hash = createHash('sha256');
	for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
	return hash.digest('hex');
}

function stateOf(name: string, thrown: unknown): string {
	const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
	return isMissing ? `it has no file "${name}"` : `"${name}" cannot be used: ${fileState(thrown)}`;
}

function exists(path: string): Promise<boolean> {
	return lstat(path).then(
		() => true,
		() => false,
	);
}

function invalid(place: string, state: string): Failure {
	return new Failure('engine-invalid', `Cannot use engine "${place}": ${state}`, AGAIN);
}

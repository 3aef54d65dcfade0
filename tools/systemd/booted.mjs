// A real systemd, booted by systemd-nspawn over a root that is shown to it, so that nothing of it reaches that root.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const BOOT_S = 60;

/** Why nothing can be booted here, in words; undefined when it can. */
export function cannotBoot() {
	if (process.platform !== 'linux') return 'this machine is not Linux';
	if (process.getuid?.() !== 0) return 'nobody but root boots a container';
	if (!['/usr/bin/systemd-nspawn', '/lib/systemd/systemd'].every((file) => existsSync(file)))
		return 'there is no systemd-nspawn (Debian package systemd-container)';
	const probe = mkdtempSync(path.join(tmpdir(), 'inspectord-mount-'));
	const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', probe]).status === 0;
	if (mounted) spawnSync('umount', [probe]);
	rmSync(probe, { recursive: true, force: true });
	return mounted ? undefined : 'nothing may be mounted here';
}

/**
 * @param {{ lower: string, files?: Record<string, string>, binds?: Record<string, string>, unit?: string }} of
 * `lower`: the root; `files`: laid over it before it boots, destination → source; `binds`: shown in it for reading.
 */
export async function booted({ lower, files = {}, binds = {}, unit = 'multi-user.target' }) {
	const place = mkdtempSync(path.join(tmpdir(), 'inspectord-root-'));
	const at = (name) => path.join(place, name);
	run('mount', ['-t', 'tmpfs', 'tmpfs', place]);
	for (const name of ['upper', 'work', 'root']) mkdirSync(at(name));
	let child;
	const end = async () => {
		if (child && child.exitCode === null && child.signalCode === null) {
			child.kill('SIGTERM');
			await Promise.race([ended, pause(10_000)]);
			child.kill('SIGKILL');
			await ended;
		}
		spawnSync('umount', ['-R', at('root')]);
		spawnSync('umount', [place]);
		rmSync(place, { recursive: true, force: true });
	};
	let ended;
	try {
		const options = `lowerdir=${lower},upperdir=${at('upper')},workdir=${at('work')}`;
		run('mount', ['-t', 'overlay', 'overlay', '-o', options, at('root')]);
		for (const [to, from] of Object.entries(files)) {
			mkdirSync(path.dirname(path.join(at('root'), to)), { recursive: true });
			cpSync(from, path.join(at('root'), to), { recursive: true });
		}
		const shown = Object.entries(binds).map(([to, from]) => `--bind-ro=${from}:${to}`);
		const fixed = ['--quiet', '--register=no', '--keep-unit', '--link-journal=no', '--console=pipe'];
		child = spawn('systemd-nspawn', [...fixed, ...shown, '-D', at('root'), '-b', `systemd.unit=${unit}`], {
			stdio: ['ignore', 'pipe', 'pipe'],
			detached: true,
		});
		let said = '';
		for (const stream of [child.stdout, child.stderr])
			stream.on('data', (chunk) => {
				said = (said + chunk).slice(-4000);
			});
		ended = new Promise((resolve) => child.once('close', resolve));
		const leader = await eventually('it boots', BOOT_S, () => {
			if (child.exitCode !== null) throw new Error(`systemd-nspawn ended:\n${said}`);
			const [first] = childrenOf(child.pid);
			if (first === undefined) return undefined;
			const state = within(first, ['systemctl', 'is-system-running']).out.trim();
			return ['running', 'degraded'].includes(state) ? first : undefined;
		});
		return {
			root: at('root'),
			leader,
			run: (...words) => within(leader, words),
			/** @throws Error with what it said */
			sure: (...words) => {
				const { code, out, err } = within(leader, words);
				if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}:\n${out}${err}`);
				return out;
			},
			[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]: end,
			end,
		};
	} catch (thrown) {
		await end();
		throw thrown;
	}
}

/** @returns what `look` gives, as soon as that is something */
export async function eventually(what, withinS, look) {
	for (const until = Date.now() + 1000 * withinS; Date.now() < until; await pause(100)) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
	}
	throw new Error(`not within ${withinS} s: ${what}`);
}

function within(leader, words) {
	const ours = ['-t', String(leader), '-m', '-u', '-i', '-n', '-p', '--', ...words];
	const { status, stdout, stderr } = spawnSync('nsenter', ours, {
		encoding: 'utf8',
		env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', HOME: '/root' },
		timeout: 300_000,
		maxBuffer: 64e6,
	});
	return { code: status, out: stdout ?? '', err: stderr ?? '' };
}

function childrenOf(pid) {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
	} catch {
		return [];
	}
}

function run(command, args) {
	const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
	if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

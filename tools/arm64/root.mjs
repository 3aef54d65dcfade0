// Debian's arm64 packages, unpacked into a folder that the emulator shows to programs as their own /lib and /usr: nothing is installed.
import { spawnSync } from 'node:child_process';
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fingerprint, stands, step } from '../setup.mjs';

const SUITE = 'bookworm';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LIBRARIES = 'usr/lib/aarch64-linux-gnu';

/** What the program and its binding stand on, and what they are linked with. */
const PACKAGES = [
	'libc6-dev',
	'libstdc++-12-dev',
	'libopencv-core-dev',
	'libopencv-imgproc-dev',
	'libopencv-imgcodecs-dev',
	'libopencv-videoio-dev',
];

/** The binding includes a header of it and links nothing of it: its own packages (Qt, GTK) are not needed. */
const HEADERS_ALONE = ['libopencv-highgui-dev'];

/** What the packages' own scripts would set (update-alternatives). */
const LINKS = [
	['lapack/liblapack.so.3', 'liblapack.so.3'],
	['blas/libblas.so.3', 'libblas.so.3'],
];

/** Below `place`; made where it does not stand. @returns its folder, undefined when Debian could not be reached */
export async function arm64Root(place) {
	const root = path.join(place, 'root');
	const stamp = path.join(root, '.inspectord-packages');
	const wanted = fingerprint([], JSON.stringify([SUITE, PACKAGES, HEADERS_ALONE, LINKS]));
	if (stands(stamp, wanted)) return root;
	const apt = privateApt(path.join(place, 'apt'));
	const got =
		(await step(
			'reading the package lists of arm64',
			'apt-get',
			[...apt.options, 'update', '-qq'],
			process.env,
			{ optional: true },
		)) &&
		(await step(
			'downloading packages of arm64',
			'apt-get',
			[...apt.options, 'install', '-y', '--download-only', ...PACKAGES],
			process.env,
			{ optional: true },
		)) &&
		(await step(
			'downloading headers of arm64',
			'apt-get',
			[...apt.options, 'download', ...HEADERS_ALONE],
			process.env,
			{
				optional: true,
				cwd: apt.headers,
			},
		));
	if (!got) return undefined;
	const fresh = `${root}.${process.pid}`;
	rmSync(root, { recursive: true, force: true });
	mkdirSync(fresh, { recursive: true });
	console.log('unpacking packages of arm64');
	for (const file of packagesIn(apt.archives)) unpack(file, fresh);
	const aside = `${fresh}.headers`;
	for (const file of packagesIn(apt.headers)) unpack(file, aside);
	cpSync(path.join(aside, 'usr/include'), path.join(fresh, 'usr/include'), { recursive: true });
	rmSync(aside, { recursive: true });
	for (const [target, name] of LINKS) symlinkSync(target, path.join(fresh, LIBRARIES, name));
	rmSync(apt.archives, { recursive: true });
	writeFileSync(path.join(fresh, path.basename(stamp)), wanted);
	renameSync(fresh, root);
	return root;
}

/** Where the linker finds what OpenCV's own libraries need. */
export function librariesOf(root) {
	return [LIBRARIES, 'lib/aarch64-linux-gnu', `${LIBRARIES}/lapack`, `${LIBRARIES}/blas`].map((folder) =>
		path.join(root, folder),
	);
}

/** apt with lists, archives and a status of its own, for an architecture that the system does not know. */
function privateApt(folder) {
	const at = (...parts) => path.join(folder, ...parts);
	const headers = at('headers');
	const archives = at('cache', 'archives');
	for (const made of [
		at('state', 'lists', 'partial'),
		path.join(archives, 'partial'),
		at('sources'),
		headers,
	])
		mkdirSync(made, { recursive: true });
	writeFileSync(at('state', 'status'), '');
	writeFileSync(at('sources.list'), `deb [signed-by=${KEYS}] http://deb.debian.org/debian ${SUITE} main\n`);
	const settings = {
		'APT::Architecture': 'arm64',
		'APT::Architectures::': 'arm64',
		'APT::Install-Recommends': 'false',
		'APT::Sandbox::User': '',
		'Dir::State': at('state'),
		'Dir::State::status': at('state', 'status'),
		'Dir::Cache': at('cache'),
		'Dir::Etc::sourcelist': at('sources.list'),
		'Dir::Etc::sourceparts': at('sources'),
		'Dir::Etc::preferences': '/dev/null',
		'Dir::Etc::preferencesparts': at('sources'),
	};
	const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
	return { options, headers, archives };
}

function packagesIn(folder) {
	const names = existsSync(folder) ? readdirSync(folder) : [];
	return names.filter((name) => name.endsWith('.deb')).map((name) => path.join(folder, name));
}

function unpack(file, into) {
	const { status, stderr } = spawnSync('dpkg-deb', ['-x', file, into], { encoding: 'utf8' });
	if (status !== 0) throw new Error(`dpkg-deb -x ${file}: ${stderr}`);
}

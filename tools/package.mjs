// npm run package [-- --arch amd64] [-- --out DIR]: inspectord_VERSION_amd64.deb and _arm64.deb by Debian's own tools, the same bytes each
// time for the same SOURCE_DATE_EPOCH (by default the time of the commit). They hold the very Node that this runs on.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	cpSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { arm64Root } from './arm64/root.mjs';
import { arm64Tree } from './arm64/tree.mjs';
import { manualPage } from './package/man.mjs';
import { ARCHITECTURES, filesIn, layOut, openModes } from './package/tree.mjs';
import { installLine, missingPackages } from './packages.mjs';
import { alone, root, setUp } from './setup.mjs';

const { values } = parseArgs({
	options: { arch: { type: 'string', multiple: true }, out: { type: 'string' } },
});
const at = (...parts) => path.join(root, ...parts);
const wanted = values.arch ?? Object.keys(ARCHITECTURES);
const place = at('.setup', 'package');
const out = path.resolve(values.out ?? place);
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

/** Whoever builds a package answers for it. */
const MAINTAINER = process.env.DEBEMAIL ?? 'inspectord authors <inspectord@localhost.localdomain>';

/** What loads when it is needed and no linker knows of. */
const BESIDE = ['libsystemd0', 'systemd | systemd-standalone-sysusers'];

const missing = missingPackages(['package'], existsSync);
if (process.arch !== 'x64' || missing.length > 0) {
	const why =
		missing.length > 0
			? `${missing.join(', ')} missing. To have it: ${installLine(missing)}`
			: 'only x64 builds packages';
	console.log(`skipped: ${why}`);
	process.exit(0);
}
await setUp({ tests: false });
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? said('git', ['log', '-1', '--format=%ct']).trim());
mkdirSync(out, { recursive: true });
const bindings = {
	amd64: async () => at('node_modules/opencv4nodejs/build/Release/opencv4nodejs.node'),
	arm64: crossed,
};

let depends;
for (const architecture of ['amd64', ...wanted.filter((name) => name !== 'amd64')]) {
	// The other architecture's packages have the same names, and are found by the linker of this one.
	if (architecture !== 'amd64' && depends === undefined) break;
	await alone(() => built(architecture));
}

async function built(architecture) {
	const binding = await bindings[architecture]();
	if (binding === undefined) return console.log(`skipped: ${architecture} cannot be built here`);
	const stage = path.join(place, architecture);
	rmSync(stage, { recursive: true, force: true });
	const in_ = (...parts) => {
		const to = path.join(stage, ...parts);
		mkdirSync(path.dirname(to), { recursive: true });
		return to;
	};
	const home = in_('usr/lib/inspectord');
	if (!(await layOut(home, architecture, binding, path.join(place, `${architecture}.npm`))))
		return console.log('skipped: npm packages or Node cannot be had here');
	const docs = in_('usr/share/doc/inspectord');
	cpSync(path.join(home, 'docs'), docs, { recursive: true });
	rmSync(path.join(home, 'docs'), { recursive: true });
	for (const name of ['README.md', 'CHANGELOG.md']) cpSync(at(name), path.join(docs, name));
	const zipped = (to, text) => writeFileSync(to, gzipSync(text, { level: 9 }));
	const date = new Date(1000 * epoch);
	zipped(path.join(docs, 'changelog.gz'), changelog(date));
	writeFileSync(path.join(docs, 'copyright'), copyright(path.join(home, 'node_modules')));
	const page = await manualPage(at('dist'), version, date.toISOString().slice(0, 10));
	zipped(in_('usr/share/man/man1/inspectord.1.gz'), page);
	const program = '#!/bin/sh\nexec /usr/lib/inspectord/bin/node /usr/lib/inspectord/dist/main.js "$@"\n';
	writeFileSync(in_('usr/bin/inspectord'), program);
	for (const [from, to] of [
		['systemd/inspectord.service', 'lib/systemd/system/inspectord.service'],
		['systemd/inspectord.rules', 'lib/udev/rules.d/60-inspectord.rules'],
		['systemd/inspectord.sysusers', 'usr/lib/sysusers.d/inspectord.conf'],
		['systemd/inspectord.tmpfiles', 'usr/lib/tmpfiles.d/inspectord.conf'],
		['config/template.yaml', 'usr/share/inspectord/inspectord.yaml'],
		['tools/package/debian/lintian-overrides', 'usr/share/lintian/overrides/inspectord'],
	])
		cpSync(at(from), in_(to));

	const binaries = filesIn(home).filter(isElf);
	for (const file of binaries)
		if (/\.(node|so(\.\d+)*)$/.test(file) || file.endsWith('/node'))
			said(ARCHITECTURES[architecture].strip, ['--strip-unneeded', '-R', '.comment', file]);
	depends ??= linkedTo(binaries);
	if (!wanted.includes(architecture)) return;
	openModes(stage, (file) =>
		[path.join(home, 'bin/node'), path.join(stage, 'usr/bin/inspectord')].includes(file),
	);

	const files = filesIn(stage);
	mkdirSync(in_('DEBIAN'), { recursive: true });
	const kilobytes = Math.ceil(files.reduce((sum, file) => sum + statSync(file).size, 0) / 1024);
	writeFileSync(in_('DEBIAN/control'), control(architecture, kilobytes));
	writeFileSync(
		in_('DEBIAN/md5sums'),
		files
			.map(
				(file) =>
					`${createHash('md5').update(readFileSync(file)).digest('hex')}  ${path.relative(stage, file)}\n`,
			)
			.join(''),
	);
	for (const name of ['postinst', 'prerm', 'postrm'])
		cpSync(at('tools/package/debian', name), in_('DEBIAN', name));
	openModes(in_('DEBIAN'), (file) => /(postinst|prerm|postrm)$/.test(file));
	for (const name of ['.', ...readdirSync(stage, { recursive: true }).map(String)].reverse())
		if (!lstatSync(path.join(stage, name)).isSymbolicLink()) utimesSync(path.join(stage, name), epoch, epoch);
	const deb = path.join(out, `inspectord_${version}_${architecture}.deb`);
	said('dpkg-deb', ['--root-owner-group', '-Zxz', '-z2', '--build', stage, deb], {
		...process.env,
		SOURCE_DATE_EPOCH: String(epoch),
	});
	rmSync(stage, { recursive: true });
	const sum = createHash('sha256').update(readFileSync(deb)).digest('hex');
	console.log(
		`${deb}: ${(statSync(deb).size / 1e6).toFixed(1)} MB, ${(kilobytes / 1000).toFixed(0)} MB installed, sha256 ${sum}`,
	);
}

/** The binding as npm run test:arm64 compiles it. */
async function crossed() {
	const lacking = missingPackages(['arm64'], existsSync);
	if (lacking.length > 0) {
		console.log(`arm64 needs ${lacking.join(', ')}. To have it: ${installLine(lacking)}`);
		return undefined;
	}
	const arm64 = at('.setup', 'arm64');
	mkdirSync(arm64, { recursive: true });
	const debian = await arm64Root(arm64);
	const tree = debian && (await arm64Tree(arm64, debian));
	return tree && path.join(tree, 'node_modules/opencv4nodejs/build/Release/opencv4nodejs.node');
}

function isElf(file) {
	return statSync(file).size > 4 && readFileSync(file).subarray(0, 4).toString('latin1') === '\x7fELF';
}

/** Debian packages that hold what these are linked with. */
function linkedTo(binaries) {
	const folder = path.join(place, 'shlibdeps');
	mkdirSync(path.join(folder, 'debian'), { recursive: true });
	writeFileSync(
		path.join(folder, 'debian', 'control'),
		'Source: inspectord\n\nPackage: inspectord\nArchitecture: any\n',
	);
	const own = [...new Set(binaries.map((file) => path.dirname(file)))].map((dir) => `-l${dir}`);
	const told = said(
		'dpkg-shlibdeps',
		['-O', '--ignore-missing-info', '--warnings=0', ...own, ...binaries.map((file) => `-e${file}`)],
		process.env,
		folder,
	);
	rmSync(folder, { recursive: true });
	return /^shlibs:Depends=(.*)$/m.exec(told)[1];
}

function control(architecture, kilobytes) {
	return `Package: inspectord
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: ${[...BESIDE, depends].join(', ')}
Recommends: ca-certificates
Section: science
Priority: optional
Description: visual inspection daemon that teaches itself
 It learns from pictures of good parts what they look like, judges every
 part that passes a camera, keeps every verdict, and tells it over MQTT.
`;
}

function changelog(date) {
	const day = date.toUTCString().replace('GMT', '+0000');
	return `inspectord (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${MAINTAINER}  ${day}\n`;
}

/** Ours, and what each package of npm says of itself. */
function copyright(packages) {
	const texts = filesIn(packages)
		.filter(
			(file) =>
				path.basename(file) === 'package.json' && /node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file),
		)
		.map((file) => JSON.parse(readFileSync(file, 'utf8')))
		.filter(({ name, license }) => name && license)
		.map(
			({ name, version: of, license }) =>
				`${name} ${of}: ${typeof license === 'string' ? license : license.type}`,
		);
	return `inspectord is under these terms:\n\n${readFileSync(at('LICENSE'), 'utf8')}
It brings Node ${process.version} (MIT, and what /usr/lib/inspectord links in: https://github.com/nodejs/node/blob/main/LICENSE)
and packages of npm, whose texts lie beside them below /usr/lib/inspectord/node_modules. The Apache License 2.0 is also
/usr/share/common-licenses/Apache-2.0.

${[...new Set(texts)].sort().join('\n')}
`;
}

/** @returns what it prints; ends us with its words when it fails */
function said(command, args, env = process.env, cwd = root) {
	const { status, stdout, stderr } = spawnSync(command, args, {
		encoding: 'utf8',
		env,
		cwd,
		maxBuffer: 64e6,
	});
	if (status === 0) return stdout;
	console.log(`${command} ${args.slice(0, 6).join(' ')} ended with ${status}:\n${stdout}${stderr}`);
	process.exit(1);
}

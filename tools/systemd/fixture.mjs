// node fixture.mjs BUILD FOLDER: a bundle that is taught in a second, and pictures of its parts, into FOLDER.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , build, folder] = process.argv;
const from = (module) => import(pathToFileURL(path.join(build, module)));
const { tinyBundle } = await from('test/tiny-bundle.js');
const { encodePng } = await from('src/opencv/picture.js');
const { drawPart } = await from('src/sim/line.js');

const pictures = path.join(folder, 'pictures');
mkdirSync(pictures, { recursive: true });
for (let i = 0; i < 4; i += 1)
	writeFileSync(path.join(pictures, `${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
await tinyBundle(path.join(folder, 'bundle'));

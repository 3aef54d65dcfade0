import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../tiny-bundle.js';

/** Files of a machine by absolute path: their text, or where they link to. */
export type Tree = Readonly<Record<string, string | { readonly link: string }>>;

/** A copy of a machine in a folder that goes away with its scope. */
export async function planted(...trees: readonly Tree[]): ReturnType<typeof temporaryFolder> {
	const folder = await temporaryFolder();
	for (const [path, file] of Object.entries(Object.assign({}, ...trees) as Tree)) {
		const at = join(folder.path, path);
		await mkdir(dirname(at), { recursive: true });
		if (typeof file === 'string') await writeFile(at, file);
		else await symlink(file.link, at);
	}
	return folder;
}

/** A library as its package lays it: the file, and the name under which programs load it. */
export const library = (folder: string, stem: string, version: string, loadedAs: string): Tree => ({
	[`${folder}/${stem}.so.${version}`]: '',
	[`${folder}/${stem}.so.${loadedAs}`]: { link: `${stem}.so.${version}` },
	[`${folder}/${stem}.so`]: { link: `${stem}.so.${loadedAs}` },
});

/** CUDA as NVIDIA's packages lay it: a folder of the release, found through update-alternatives and ld.so.conf.d. */
export const toolkit = (release: string, runtime: string, loadedAs: string, target = 'aarch64'): Tree => {
	const folder = `/usr/local/cuda-${release}`;
	return {
		...library(`${folder}/targets/${target}-linux/lib`, 'libcudart', runtime, loadedAs),
		[`${folder}/lib64`]: { link: `targets/${target}-linux/lib` },
		[`${folder}/version.json`]: JSON.stringify({
			cuda: { name: 'CUDA SDK', version: `${release}.11` },
			cuda_cudart: { name: 'CUDA Runtime (cudart)', version: runtime },
		}),
		'/usr/local/cuda': { link: '/etc/alternatives/cuda' },
		'/etc/alternatives/cuda': { link: folder },
		'/etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
		'/etc/ld.so.conf.d/000_cuda.conf': `/usr/local/cuda/targets/${target}-linux/lib\n`,
	};
};

const ARM = '/usr/lib/aarch64-linux-gnu';

/**
 * Facts: release line, jetson-containers (l4t_version.py, R35.x lines); "35.4.1" in the driver's own file on Orin, public reports;
 * libnvinfer 8.5.2, libcudnn 8.6.0 and libcudart 11.4.298 (loaded as 11.0), an inventory of a JetPack 5.1.3 box.
 */
export const JETPACK_5_1: Tree = {
	'/etc/nv_tegra_release':
		'# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: Tue Aug  1 19:57:35 UTC 2023\n',
	'/proc/device-tree/model': 'NVIDIA Orin Nano Developer Kit\0',
	'/proc/device-tree/compatible':
		'nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0nvidia,tegra23x\0',
	'/proc/driver/nvidia/version':
		'NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  35.4.1  Release Build  (buildbrain@mobile-u64)  Tue Aug  1 12:45:42 PDT 2023\nGCC version:  \n',
	'/sys/module/nvgpu/refcnt': '12\n',
	...library(ARM, 'libnvinfer', '8.5.2', '8'),
	...library(ARM, 'libcudnn', '8.6.0', '8'),
	...toolkit('11.4', '11.4.298', '11.0'),
};

/** Xavier has no display driver of the desktop's kind, so nothing but nvgpu: no /proc/driver/nvidia. */
export const JETPACK_5_1_XAVIER: Tree = {
	...Object.fromEntries(Object.entries(JETPACK_5_1).filter(([path]) => !path.startsWith('/proc/'))),
	'/proc/device-tree/model': 'NVIDIA Jetson Xavier NX Developer Kit\0',
	'/proc/device-tree/compatible': 'nvidia,p3509-0000+p3668-0000\0nvidia,tegra194\0',
};

/** As jetson_stats and public reports have R36.3 (driver 540.3.0); TensorRT 8.6.2, cuDNN 8.9.4 and CUDA 12.2 of JetPack 6.0's page. */
export const JETPACK_6_0: Tree = {
	'/etc/nv_tegra_release':
		'# R36 (release), REVISION: 3.0, GCID: 36191598, BOARD: generic, EABI: aarch64, DATE: Mon May  6 17:34:21 UTC 2024\n# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\nTARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\n',
	'/proc/device-tree/model': 'NVIDIA Jetson AGX Orin Developer Kit\0',
	'/proc/device-tree/compatible': 'nvidia,p3737-0000+p3701-0005\0nvidia,p3701-0005\0nvidia,tegra234\0',
	'/proc/driver/nvidia/version':
		'NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.3.0  Release Build  (buildbrain@mobile-u64)  Mon May  6 10:22:58 PDT 2024\n',
	'/sys/module/nvgpu/refcnt': '12\n',
	...library(ARM, 'libnvinfer', '8.6.2', '8'),
	...library(ARM, 'libcudnn', '8.9.4', '8'),
	...toolkit('12.2', '12.2.140', '12'),
};

/** Public reports of an Orin Nano on JetPack 6.2: the driver's line to the letter, libnvinfer 10.3.0, libcudnn 9.3.0, libcudart 12.6.68. */
export const JETPACK_6_2: Tree = {
	'/etc/nv_tegra_release':
		'# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\nTARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\n',
	'/proc/device-tree/model': 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0',
	'/proc/device-tree/compatible': 'nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0',
	'/proc/driver/nvidia/version':
		'NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@mobile-u64-6336-d8000)  Tue Jan  7 17:35:12 PST 2025\nGCC version:  collect2: error: ld returned 1 exit status\n',
	'/sys/module/nvgpu/refcnt': '12\n',
	...library(ARM, 'libnvinfer', '10.3.0', '10'),
	...library(ARM, 'libcudnn', '9.3.0', '9'),
	...toolkit('12.6', '12.6.68', '12'),
};

/** Reports of AGX Thor to jetson_stats (#711): release, model, compatible; nvidia-smi says "NVIDIA Thor, 580.00, 11.0". */
export const JETPACK_7_0: Tree = {
	'/etc/nv_tegra_release':
		'# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic, EABI: aarch64, DATE: Fri Aug 22 00:55:42 UTC 2025\n# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\nTARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\nINSTALL_TYPE=\n',
	'/proc/device-tree/model': 'NVIDIA Jetson AGX Thor Developer Kit\0',
	'/proc/device-tree/compatible': 'nvidia,p4071-0000+p3834-0008\0nvidia,p3834-0008\0nvidia,tegra264\0',
	'/proc/driver/nvidia/version':
		'NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.00  Release Build  (buildbrain@mobile-u64)  Thu Aug 21 17:39:01 PDT 2025\n',
	'/sys/module/nvidia/version': '580.00\n',
	...library(ARM, 'libnvinfer', '10.13.3', '10'),
	...library(ARM, 'libcudnn', '9.12.0', '9'),
	...toolkit('13.0', '13.0.48', '13'),
};

const PC = '/usr/lib/x86_64-linux-gnu';

/** As NVIDIA's packages for Ubuntu 22.04 lay it; the driver's line as public reports have it. */
export const DESKTOP: Tree = {
	'/proc/driver/nvidia/version':
		'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n',
	'/sys/module/nvidia/version': '535.183.01\n',
	'/proc/driver/nvidia/gpus/0000:01:00.0/information':
		'Model: \t\t NVIDIA GeForce RTX 3090\nIRQ:   \t\t 138\nGPU UUID: \t GPU-1\nBus Type: \t PCIe\n',
	...library(PC, 'libnvinfer', '10.3.0', '10'),
	...library(PC, 'libcudnn', '9.3.0', '9'),
	...toolkit('12.6', '12.6.77', '12', 'x86_64'),
};

/** A Debian without anything of NVIDIA's, on a board that has a device tree too. */
export const NOTHING: Tree = {
	'/etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
	'/etc/ld.so.conf.d/libc.conf': '# libc default configuration\n/usr/local/lib\n',
	'/proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0',
	'/proc/device-tree/compatible': 'raspberrypi,5-model-b\0brcm,bcm2712\0',
	'/var/lib/dpkg/status': 'Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\n\n',
	'/usr/lib/aarch64-linux-gnu/libc.so.6': '',
};

const zone = (number: number, type: string, celsius: number | string, more: Tree = {}): Tree => {
	const at = `/sys/devices/virtual/thermal/thermal_zone${number}`;
	return {
		[`/sys/class/thermal/thermal_zone${number}`]: {
			link: `../../devices/virtual/thermal/thermal_zone${number}`,
		},
		[`${at}/type`]: `${type}\n`,
		[`${at}/temp`]: typeof celsius === 'string' ? celsius : `${Math.round(celsius * 1000)}\n`,
		...Object.fromEntries(Object.entries(more).map(([name, file]) => [`${at}/${name}`, file])),
	};
};

const brake = (number: number, type: string, state: number | string): Tree => {
	const at = `/sys/devices/virtual/thermal/cooling_device${number}`;
	return {
		[`/sys/class/thermal/cooling_device${number}`]: {
			link: `../../devices/virtual/thermal/cooling_device${number}`,
		},
		[`${at}/type`]: `${type}\n`,
		[`${at}/cur_state`]: `${state}\n`,
		[`${at}/max_state`]: '10\n',
	};
};

const chip = (number: number, name: string, files: Readonly<Record<string, string>>): Tree => ({
	[`/sys/class/hwmon/hwmon${number}/name`]: `${name}\n`,
	...Object.fromEntries(
		Object.entries(files).map(([file, text]) => [`/sys/class/hwmon/hwmon${number}/${file}`, `${text}\n`]),
	),
});

const policy = (number: number, kilohertz: number, least: number, most: number, governor: string): Tree =>
	Object.fromEntries(
		Object.entries({
			scaling_cur_freq: kilohertz,
			scaling_min_freq: least,
			scaling_max_freq: most,
			scaling_governor: governor,
		}).map(([name, value]) => [`/sys/devices/system/cpu/cpufreq/policy${number}/${name}`, `${value}\n`]),
	);

const device = (name: string, hertz: number, least: number, most: number, governor: string): Tree =>
	Object.fromEntries(
		Object.entries({ cur_freq: hertz, min_freq: least, max_freq: most, governor }).map(([file, value]) => [
			`/sys/class/devfreq/${name}/${file}`,
			`${value}\n`,
		]),
	);

export const SYS = { zone, brake, chip, policy, device };

const trip = (cdev: number, number: number, to: number): Tree => ({
	[`cdev${cdev}`]: { link: `../cooling_device${number}` },
	[`cdev${cdev}_trip_point`]: `${to}\n`,
});

/**
 * An Orin Nano at work with JetPack 6.2. Facts from public reports: names of zones and cooling devices; 99 °C brakes, 104.5 °C ends,
 * 70 °C only warns; cv zones cannot be read while their engines are off; rails and chips of hwmon; nvpmodel's status and modes.
 */
export const ORIN_AT_WORK: Tree = {
	...zone(0, 'cpu-thermal', 61.437, {
		...trip(0, 0, 0),
		...trip(1, 3, 2),
		trip_point_0_temp: '99000\n',
		trip_point_0_type: 'passive\n',
		trip_point_1_temp: '104500\n',
		trip_point_1_type: 'critical\n',
		trip_point_2_temp: '70000\n',
		trip_point_2_type: 'passive\n',
	}),
	...zone(1, 'gpu-thermal', 58.906),
	...zone(2, 'cv0-thermal', -256),
	...zone(3, 'soc0-thermal', 57.031),
	...brake(0, 'cpufreq-cpu0', 0),
	...brake(1, 'devfreq-17000000.gpu', 0),
	...brake(2, 'cpu-throttle-alert', 0),
	...brake(3, 'hot-surface-alert', 1),
	...brake(4, 'pwm-fan', 3),
	...chip(0, 'pwmfan', { pwm1: '128' }),
	...chip(1, 'ina3221', {
		in1_label: 'VDD_IN',
		in1_input: '4984',
		curr1_input: '1856',
		in2_label: 'VDD_CPU_GPU_CV',
		in2_input: '4976',
		curr2_input: '640',
		in3_label: 'VDD_SOC',
		in3_input: '4976',
		curr3_input: '320',
		in4_input: '2',
		in7_label: 'sum of shunt voltages',
		in7_input: '14',
	}),
	...chip(2, 'soctherm_oc', {
		oc1_event_cnt: '0',
		oc2_event_cnt: '15',
		oc3_event_cnt: '37',
		oc1_throt_en: '1',
	}),
	...policy(0, 1_728_000, 729_600, 1_728_000, 'schedutil'),
	...policy(4, 729_600, 729_600, 1_728_000, 'schedutil'),
	...device('17000000.gpu', 1_020_000_000, 306_000_000, 1_020_000_000, 'nvhost_podgov'),
	...device('15340000.vic', 115_200_000, 115_200_000, 729_600_000, 'tegra_wmark'),
	'/etc/nvpmodel.conf': { link: '/etc/nvpmodel/nvpmodel_p3767_0003_super.conf' },
	'/etc/nvpmodel/nvpmodel_p3767_0003_super.conf':
		'# < POWER_MODEL ID=9 NAME=OLD >\n< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n\n< POWER_MODEL ID=1 NAME=25W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n< POWER_MODEL ID=3 NAME=7W >\n\n< PM_CONFIG DEFAULT=1 >\n',
	'/var/lib/nvpmodel/status': 'pmode:0002 fmode:fan_mode_quiet\n',
	'/proc/meminfo':
		'MemTotal:        7802892 kB\nMemFree:          812000 kB\nMemAvailable:    4203120 kB\nSwapTotal:       3901440 kB\n',
};

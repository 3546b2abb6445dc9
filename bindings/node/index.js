'use strict';

const { errors } = require('./lib/errors.js');
const { download, loadModel } = require('./lib/model.js');
const native = require('./lib/native.js');
const { table } = require('./lib/options.js');
const { Runtime, metrics, plan } = require('./lib/runtime.js');

module.exports = {
  download,
  loadModel,
  plan,
  metrics,
  Runtime,
  ...errors,
  version: native.version(),
  buildInfo: native.buildInfo,
  backends: native.backends,
  devices: native.devices,
  optionTable: () => structuredClone(table),
};

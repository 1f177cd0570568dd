// SPDX-License-Identifier: Apache-2.0
// usage: node validate.js FILE   one JSON line: what the Khronos validator says. NODE_PATH names the folder of gltf-validator.
const validator = require('gltf-validator'), fs = require('fs'), path = require('path');
const file = process.argv[2];
const beside = uri => Promise.resolve(new Uint8Array(fs.readFileSync(path.join(path.dirname(file), decodeURIComponent(uri)))));
validator.validateBytes(new Uint8Array(fs.readFileSync(file)),
  { uri: path.basename(file), maxIssues: 200, writeTimestamp: false, externalResourceFunction: beside })
  .then(report => console.log(JSON.stringify({
    version: validator.version(), issues: report.issues.messages.filter(m => m.severity < 2), info: report.info })))
  .catch(error => console.log(JSON.stringify({ failure: String(error) })));

/** Which versions of nodejs-polars have a plan format that this package has read and tested. */

/** Raised when a new version's plans have been compared: the format carries no version of its own. */
const TESTED = /^0\.26\./;

/** Why plans of this version are not read, or null. */
export const versionObjection = (version: string): string | null =>
  TESTED.test(version) ? null : `nodejs-polars ${version} may write plans in another form than the tested 0.26: update polars-webgpu`;

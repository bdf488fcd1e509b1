/** Calendar functions in WGSL: the proleptic Gregorian calendar on day numbers since 1970-01-01, after Hinnant's `civil_from_days`. */

export const CALENDAR = `
struct Civil { year: i32, month: i32, day: i32 }
fn cal_floor_div(a: i32, b: i32) -> i32 { return select(a / b, (a - (b - 1)) / b, a < 0); }
fn cal_civil(days: i32) -> Civil {
  let z = days + 719468;
  let era = cal_floor_div(z, 146097);
  let doe = z - era * 146097;
  let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  let mp = (5 * doy + 2) / 153;
  let month = select(mp - 9, mp + 3, mp < 10);
  return Civil(yoe + era * 400 + select(0, 1, month <= 2), month, doy - (153 * mp + 2) / 5 + 1);
}
fn cal_month_start(months: i32) -> i32 {
  let mp = ((months + 10) % 12 + 12) % 12;
  let y = cal_floor_div(months - 2, 12);
  let era = cal_floor_div(y, 400);
  let yoe = y - era * 400;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + (153 * mp + 2) / 5 - 719468;
}
fn cal_leap(year: i32) -> bool { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }
fn cal_days_before_year(year: i32) -> i32 {
  let y = year - 1;
  return 365 * y + cal_floor_div(y, 4) - cal_floor_div(y, 100) + cal_floor_div(y, 400) - 719162;
}
fn cal_ordinal(days: i32) -> i32 { return days - cal_days_before_year(cal_civil(days).year) + 1; }
fn cal_weekday(days: i32) -> i32 { let w = (days + 3) % 7; return select(w, w + 7, w < 0) + 1; }
fn cal_iso_year(days: i32) -> i32 { return cal_civil(days - cal_weekday(days) + 4).year; }
fn cal_iso_week(days: i32) -> i32 { return (cal_ordinal(days - cal_weekday(days) + 4) - 1) / 7 + 1; }
`;

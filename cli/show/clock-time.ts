import type { Instant } from '../../policy/time/instant.ts';
import type { Run } from '../../policy/time/schedule.ts';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Tue 22 Dec 2026 03:30 Europe/Berlin (02:30 UTC)`; the date of the UTC side only where it is another one. */
export function localAndUtc({ local, utc, timeZone }: Run): string {
  const otherDate = local.slice(0, 10) === utc.slice(0, 10) ? '' : `${dayAndMonth(utc)} `;
  return `${dateAndTime(local)} ${timeZone} (${otherDate}${time(utc)} UTC)`;
}

/** `Tue 22 Dec 2026 03:30 +01:00` */
export function localWithOffset(local: string): string {
  return `${dateAndTime(local)} ${local.slice(19)}`;
}

/** `Tue 22 Dec 2026 03:30` of an ISO date and time; what follows it, an offset or Z, is left out. */
export function dateAndTime(iso: string): string {
  const weekday = days[new Date(`${iso.slice(0, 10)}T00:00:00Z`).getUTCDay()];
  return `${weekday} ${dayAndMonth(iso)} ${iso.slice(0, 4)} ${time(iso)}`;
}

/** `2026-12-22 02:30:05`, of an instant: in UTC. */
export function utcStamp(at: Instant): string {
  return at.slice(0, 19).replace('T', ' ');
}

/** `02:30:05 UTC` */
export function utcTime(at: Instant): string {
  return `${at.slice(11, 19)} UTC`;
}

function dayAndMonth(iso: string): string {
  return `${Number(iso.slice(8, 10))} ${months[Number(iso.slice(5, 7)) - 1]}`;
}

/** Seconds only where there are some: zones had such offsets before 1972. */
function time(iso: string): string {
  return iso.slice(17, 19) === '00' ? iso.slice(11, 16) : iso.slice(11, 19);
}

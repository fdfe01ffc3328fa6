/**
 * The names of time zones. `Intl` accepts more than the IANA time zone database has: ICU's own abbreviations, among them BST
 * (which it reads as Bangladesh, not British Summer Time), CST, IST and PST, names that IANA withdrew, and bare offsets. So a
 * name is known if `Intl` lists it, or if it is one of the database's other names, which `Intl` accepts and does not list.
 */

/** The names and aliases in the database's files (2026f, `backward` included) that `Intl.supportedValuesOf` leaves out. */
const UNLISTED = `
Africa/Asmara Africa/Timbuktu America/Argentina/Buenos_Aires America/Argentina/Catamarca
America/Argentina/ComodRivadavia America/Argentina/Cordoba America/Argentina/Jujuy America/Argentina/Mendoza
America/Atikokan America/Atka America/Ensenada America/Fort_Wayne America/Indiana/Indianapolis
America/Kentucky/Louisville America/Knox_IN America/Montreal America/Nipigon America/Nuuk America/Pangnirtung
America/Porto_Acre America/Rainy_River America/Rosario America/Santa_Isabel America/Shiprock America/Thunder_Bay
America/Virgin America/Yellowknife Antarctica/South_Pole Asia/Ashkhabad Asia/Choibalsan Asia/Chongqing
Asia/Chungking Asia/Dacca Asia/Harbin Asia/Ho_Chi_Minh Asia/Istanbul Asia/Kashgar Asia/Kathmandu Asia/Kolkata
Asia/Macao Asia/Tel_Aviv Asia/Thimbu Asia/Ujung_Pandang Asia/Ulan_Bator Asia/Yangon Atlantic/Faroe
Atlantic/Jan_Mayen Australia/ACT Australia/Canberra Australia/Currie Australia/LHI Australia/NSW Australia/North
Australia/Queensland Australia/South Australia/Tasmania Australia/Victoria Australia/West Australia/Yancowinna
Brazil/Acre Brazil/DeNoronha Brazil/East Brazil/West CET CST6CDT Canada/Atlantic Canada/Central Canada/Eastern
Canada/Mountain Canada/Newfoundland Canada/Pacific Canada/Saskatchewan Canada/Yukon Chile/Continental
Chile/EasterIsland Cuba EET EST EST5EDT Egypt Eire Etc/GMT Etc/GMT0 Etc/Greenwich Etc/UCT Etc/UTC Etc/Universal
Etc/Zulu Europe/Belfast Europe/Kyiv Europe/Nicosia Europe/Tiraspol Europe/Uzhgorod Europe/Zaporozhye GB GB-Eire
GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT
Mexico/BajaNorte Mexico/BajaSur Mexico/General NZ NZ-CHAT Navajo PRC PST8PDT Pacific/Chuuk Pacific/Johnston
Pacific/Kanton Pacific/Pohnpei Pacific/Samoa Pacific/Yap Poland Portugal ROC ROK Singapore Turkey UCT US/Alaska
US/Aleutian US/Arizona US/Central US/East-Indiana US/Eastern US/Hawaii US/Indiana-Starke US/Michigan US/Mountain
US/Pacific US/Samoa Universal W-SU WET Zulu
`;

/** Whole hours from UTC, with the sign that POSIX gives them: five hours behind UTC is `Etc/GMT+5`. */
const wholeHours = (sign: "+" | "-", last: number) =>
  Array.from({ length: last + 1 }, (_, hours) => `Etc/GMT${sign}${hours}`);

let known: ReadonlySet<string> | undefined;

/** Every name of the IANA time zone database, in its spelling. */
export function zoneNames(): ReadonlySet<string> {
  known ??= new Set([
    "UTC",
    ...Intl.supportedValuesOf("timeZone"),
    ...wholeHours("+", 12),
    ...wholeHours("-", 14),
    ...UNLISTED.trim().split(/\s+/),
  ]);
  return known;
}

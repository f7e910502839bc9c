/** A given or family name, and how it is written in an e-mail address. */
export type Name = readonly [name: string, ascii: string]

export const givenNames: readonly Name[] = [
  ['Anna', 'anna'],
  ['Robert', 'robert'],
  ['José', 'jose'],
  ['Zoë', 'zoe'],
  ['Łukasz', 'lukasz'],
  ['Søren', 'soren'],
  ['Mary Ann', 'maryann'],
  ['Björn', 'bjorn'],
  ['Priya', 'priya'],
  ['太郎', 'taro'],
  ['Олена', 'olena'],
  ['Ngọc', 'ngoc'],
  ['Jean-Pierre', 'jean-pierre'],
  ['Fatima', 'fatima'],
  ['Kwame', 'kwame'],
  ['Guðrún', 'gudrun'],
  ['William', 'william'],
]

export const familyNames: readonly Name[] = [
  ['Smith', 'smith'],
  ['Müller', 'mueller'],
  ['O’Brien', 'obrien'],
  ['Nguyễn', 'nguyen'],
  ['山田', 'yamada'],
  ['Kowalska', 'kowalska'],
  ['García Márquez', 'garcia'],
  ['Johnson', 'johnson'],
  ['Шевченко', 'shevchenko'],
  ['van der Berg', 'vanderberg'],
  ['Østergård', 'ostergard'],
  ['Patel', 'patel'],
  ['Martin', 'martin'],
]

export const middleNames = ['G', 'Maria', 'J.', 'Émile', 'Lee', 'Karl', 'Grace']
export const nickNames = ['Annie', 'Bob', 'Pepe', 'Zo', 'Luke', 'Jö', 'Billy', 'Gus', 'Mia', 'Kit', 'Max']
export const mailDomains = ['example.com', 'example.org', 'mail.example.net', 'students.example.edu']
export const statuses = ['active', 'active', 'active', 'invited', 'invited', 'suspended']
export const booleans = ['TRUE', 'TRUE', 'FALSE']
export const genders = ['female', 'male', 'Female', 'Male', 'non-binary', 'prefer not to say']
export const locales = ['en-US', 'en-GB', 'de-DE', 'fr-FR', 'es-MX', 'pl-PL', 'ja-JP', 'pt-BR', 'da-DK', 'en']
export const zones = ['America/New_York', 'Europe/Berlin', 'Europe/London', 'Asia/Tokyo', 'America/Sao_Paulo']
export const countries = ['US', 'DE', 'GB', 'France', 'México', 'Poland', 'Japan', 'Brasil', 'Denmark']
export const states = ['IL', 'Bayern', 'New York', 'Île-de-France', 'CDMX', 'Mazowieckie', 'Tōkyō', 'SP']
export const cities = [
  'Springfield',
  'München',
  'Saint-Étienne',
  'Łódź',
  'São Paulo',
  'Køge',
  'London',
  '渋谷区',
]
export const streets = [
  'High Street',
  'Bahnhofstraße',
  'rue de l’Église',
  'Av. Paulista',
  '5th Avenue',
  'Ul. Długa',
]
export const houses = ['', 'Apt. 4', 'Suite 210, 2nd floor', 'Building "C"', 'Hinterhaus\nlinks', 'c/o Belle']
/** Country code and the digits before the subscriber's six. */
export const dials = ['+1 415 5', '+1 212 5', '+44 20 79', '+49 30 12', '+33 1 42 ', '+55 11 93']
/** One user in fifteen has two roles; owners are one in 2,048, as {@link rowOf} says. */
export const roles = [
  ...Array.from({ length: 12 }, () => 'organization_constituent'),
  'organization_member',
  'organization_member',
  'organization_member, organization_constituent',
]

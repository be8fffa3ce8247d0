// First names that many people have, in the scripts that people sign up in: no two of them are the same name.

// biome-ignore format: one script, one line or two
export const FIRST_NAMES = `
  Mary James Robert Jennifer Linda William Barbara Elizabeth Susan Joseph Thomas Sarah Karen Nancy Daniel Lisa Mark Betty Donald Ashley Steven Paul Emily Joshua
  Marla Maria Daria Darla Neil Nell Carl Carla Clara Ella Eliah Leila Lila Lilia Mia Nia Noah Nora Tom Tim Jim Ian Ivan Ali Gail Gal Emma Anna Hanna Amy Marc
  Björn Søren Zoë Chloé François Renée José Inés Iñaki João Conceição Łukasz Małgorzata Jiří Tomáš Štěpán Žofia Ágnes Őrs Ştefan Ioana Gülşen Çağla Işıl Đorđe Nguyễn Þór Guðrún Æmilia
  Иван Ольга Мария Марина Дмитрий Наталья Сергей Андрей Татьяна Вера Лев Яна Юлия Алексей Анна Инна Нина Софія Євген Їван Ђорђе Љубица Ѓорѓи Айгүл Өтеген Надия Һадия Қанат
  Μαρία Γιώργος Ελένη Νίκος Δημήτρης Κώστας Άννα Ιωάννης Σοφία Ζωή
  Արամ Գոհար Հայկ Անի Տիգրան Լիլիթ Գագիկ Նարե
  ნინო გიორგი მარიამ დავით ანა თამარ ლევან
  יוסף מרים דוד שרה רחל יעל נועם דן רון חנה אסתר תמר
  محمد فاطمة أحمد علي حسن حسين عمر ليلى لينا نور زينب پروین ثریا مریم رضا زهرا
  आशा राहुल प्रिया अमित सुनीता विजय अनिल सुनील रवि गीता सीता मीना
  আশা রহিম করিম সুমন মিতা রিতা
  ਗੁਰਪ੍ਰੀਤ ਹਰਜੀਤ ਜਸਪ੍ਰੀਤ
  આશા જયેશ મીના
  கார்த்திக் பிரியா குமார் மீனா ராஜா
  రాము సీత లక్ష్మి
  ಆಶಾ ರವಿ ಗೀತಾ
  മീര അനു ലക്ഷ്മി
  නිමල් කුමාරි
  สมชาย สมศรี มานะ มานี ปิติ ชูใจ วนิดา สุดา นิดา นิตา
  አበበ ሙሉ ሰላም
  さくら はるか ゆい ひなた サクラ ハルカ 太郎 花子 翔太 美咲 大翔 陽菜 健太 剛士
  伟强 秀英 丽娟 建国 小明 晓明 婷婷 浩然 子涵 雨桐
  민준 서연 지우 하은 도윤 서준 민서 지민
  ᏣᎳᎩ ᎠᏂ
`
  .split(/\s+/)
  .filter(Boolean)

#include "data/mail.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "data/charset.h"
#include "data/encoded_words.h"
#include "data/source_files.h"
#include "data/white_space.h"

namespace amas::data {
namespace {

const fs::path kFixtures = fs::path(AMAS_TEST_DATA_DIR) / "mail";

MailText parsed(const std::string& raw) {
  const auto mail = parse_mail(raw);
  EXPECT_TRUE(mail) << (mail ? "" : mail.error().message);
  return mail.value_or(MailText{});
}

// The mails and their texts are written down in tests/oracles/data_mail_fixtures.py, which holds Python's
// email library to the same texts.
TEST(Mail, reads_the_text_that_a_person_and_pythons_library_read) {
  const auto document = read_file(kFixtures / "expected.json");
  ASSERT_TRUE(document);
  const auto expected = parse_json(*document);
  ASSERT_TRUE(expected);
  ASSERT_GE(expected->size(), 20u);
  for (const auto& [name, text] : expected->items()) {
    const auto raw = read_file(kFixtures / (name + ".eml"));
    ASSERT_TRUE(raw) << name;
    const MailText mail = parsed(*raw);
    EXPECT_EQ(mail.subject, text["subject"].get<std::string>()) << name;
    EXPECT_EQ(mail.body, text["body"].get<std::string>()) << name;
  }
}

// tests/oracles/data_mail.py says which 14 of the 6,046 differ and why.
TEST(Mail, agrees_with_pythons_library_over_the_whole_corpus) {
  const auto files = source_files(std::string(AMAS_THIRD_PARTY_DIR) + "/spam-assassin/data/*/*.txt");
  if (!files) GTEST_SKIP() << "the corpus is not installed";
  std::ifstream digests(fs::path(AMAS_TEST_DATA_DIR) / "corpus_digests.txt");
  std::size_t different = 0;
  for (const SourceFile& file : *files) {
    const auto raw = read_file(file.path);
    ASSERT_TRUE(raw);
    const MailText mail = parsed(*raw);
    ASSERT_TRUE(is_utf8(mail.subject) && is_utf8(mail.body)) << file.name;
    std::string digest;
    ASSERT_TRUE(std::getline(digests, digest));
    different += crypto::sha1_hex(mail.subject + "\x1f" + mail.body).substr(0, 8) != digest;
  }
  EXPECT_EQ(files->size(), 6046u);
  EXPECT_LE(different, 14u);
}

TEST(Mail, refuses_what_is_no_mail) {
  EXPECT_EQ(parse_mail("").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_mail(" \r\n\n").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_mail("From a@b Thu Aug 22\n").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_mail("just some words\n\nand more\n").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_mail("{\"id\": 1}").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_mail(": no name\n\nbody").error().code, Code::kInvalidArgument);
}

TEST(Mail, refuses_more_bytes_than_the_limit) {
  std::string raw = "Subject: s\n\n";
  raw.resize(limits::kMailBytesMax, 'a');
  EXPECT_TRUE(parse_mail(raw));
  raw += 'a';
  EXPECT_EQ(parse_mail(raw).error().code, Code::kResourceExhausted);
}

TEST(Mail, cuts_a_text_at_the_limit_between_characters) {
  std::string raw = "Subject: s\nContent-Type: text/plain; charset=utf-8\n\n";
  for (std::size_t i = 0; i < limits::kTextBytesMax / 3 + 100; ++i) raw += "語";
  const MailText mail = parsed(raw);
  EXPECT_LE(mail.body.size(), limits::kTextBytesMax);
  EXPECT_GT(mail.body.size(), limits::kTextBytesMax - 4);
  EXPECT_TRUE(is_utf8(mail.body));
}

TEST(Mail, stops_at_the_limit_of_parts) {
  std::string raw = "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n";
  for (std::size_t i = 0; i < limits::kMailPartsMax + 500; ++i) raw += "--b\n\nw\n";
  const MailText mail = parsed(raw + "--b--\n");
  const auto words = std::count(mail.body.begin(), mail.body.end(), 'w');
  EXPECT_EQ(words, static_cast<std::ptrdiff_t>(limits::kMailPartsMax - 1));  // the multipart itself is one
}

TEST(Mail, stops_at_the_limit_of_depth) {
  const auto nested = [](std::size_t depth) {
    std::string raw = "Subject: s\n";
    for (std::size_t i = 0; i < depth; ++i)
      raw += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "x\n\n--b" +
             std::to_string(i) + "x\n";
    return raw + "\ndeep\n";
  };
  EXPECT_EQ(parsed(nested(limits::kMailDepthMax)).body, "deep");
  EXPECT_EQ(parsed(nested(limits::kMailDepthMax + 1)).body, "");
  EXPECT_EQ(parsed(nested(5000)).body, "");
}

TEST(Mail, reads_the_same_from_many_threads) {
  const auto raw = read_file(kFixtures / "words_japanese.eml");
  ASSERT_TRUE(raw);
  std::vector<std::string> subjects(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& subject : subjects)
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) subject = parse_mail(*raw)->subject;
      });
  }
  for (const std::string& subject : subjects) EXPECT_EQ(subject, "日本語");
}

TEST(Html, keeps_words_that_inline_tags_and_comments_cut_and_parts_blocks) {
  EXPECT_EQ(html_to_text("f<b>r</b>e<font size=1>e</font> <p>one<p>two<br>three<tr><td>a<td>b"),
            "free one two three a b");
  EXPECT_EQ(html_to_text("vi<!-- x > y -->ag<xyz>ra"), "viagra");
  EXPECT_EQ(html_to_text("<div>a</div>b<ul><li>c<li>d</ul>e"), "a b c d e");
}

TEST(Html, drops_scripts_and_styles_and_keeps_the_title) {
  EXPECT_EQ(
      html_to_text(
          "<title>t</title><script>if (a < b) document.write('<p>x</p>');</script>y<style>p{}</style>z"),
      "t yz");
}

TEST(Html, decodes_entities_as_browsers_do) {
  EXPECT_EQ(html_to_text("&lt;b&gt; &eacute;&#233;&#xe9; &nbsp;&euro; &#128; &amp;lt; &nosuch; &"),
            "<b> ééé € € &lt; &nosuch; &");
  EXPECT_EQ(html_to_text("a&nbsp|b&copy 1&eacutel&amp"), "a |b© 1él&");
}

TEST(Html, survives_anything) {
  EXPECT_EQ(html_to_text(""), "");
  EXPECT_EQ(html_to_text(std::string_view("a\0b\x1b"
                                          "c",
                                          5)),
            "a b c");
  EXPECT_EQ(html_to_text("\xff<p>\xe9"), "\xEF\xBF\xBD \xEF\xBF\xBD");
  EXPECT_EQ(html_to_text("one<"), "one<");
  EXPECT_EQ(html_to_text("</ >x<!>y<?z>"), "xy");
}

TEST(Html, reads_nesting_of_any_depth_in_linear_time) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<b a='>'>";
  for (int i = 0; i < 100'000; ++i) deep += "</i>";
  EXPECT_EQ(html_to_text("begin" + deep + "end"), "begin end");
}

TEST(Charset, reads_the_supersets_that_programs_send) {
  EXPECT_EQ(text_to_utf8("\x93hi\x94", "ISO-8859-1"), "“hi”");
  EXPECT_EQ(text_to_utf8("\x81\x30\x81\x30", "gb2312"), "\xC2\x80");  // four bytes, GB 18030 only
  EXPECT_EQ(text_to_utf8("\xb1\xb2", "iso-8859-9"), "±²");
}

TEST(Charset, falls_back_to_latin_1) {
  EXPECT_EQ(text_to_utf8("\xe9", "no-such-charset"), "é");
  EXPECT_EQ(text_to_utf8("\xe9", "gb18030,version=1"), "é");
  EXPECT_EQ(text_to_utf8("\xe9", "utf-8"), "é");
  EXPECT_EQ(text_to_utf8("\xe9", "us-ascii"), "é");
  EXPECT_EQ(text_to_utf8("\xff\xff", "big5"), "ÿÿ");
  EXPECT_EQ(text_to_utf8("a\xe9", ""), "aé");
  EXPECT_EQ(text_to_utf8("\x81", ""), "\xC2\x81");
}

TEST(Charset, grows_its_output_for_texts_of_any_length) {
  const std::string bytes(100'000, '\xe0');
  const std::string text = text_to_utf8(bytes, "windows-874");
  EXPECT_EQ(text.size(), 300'000u);
  EXPECT_EQ(text.substr(0, 3), "เ");
}

TEST(EncodedWords, decodes_what_is_a_word_and_leaves_the_rest) {
  EXPECT_EQ(decode_words("=?utf-8?q?a_b?="), "a b");
  EXPECT_EQ(decode_words("=?utf-8*en?Q?a=3Db?= c"), "a=b c");
  EXPECT_EQ(decode_words("=?utf-8?B?aGk?="), "hi");
  EXPECT_EQ(decode_words("=?utf-8?Q?a?=  =?iso-8859-1?Q?=E9?=\t=?utf-8?Q?b?="), "aéb");
  EXPECT_EQ(decode_words("x=?utf-8?Q?a?=y"), "xay");
  EXPECT_EQ(decode_words("=?utf-8?X?a?= =?utf-8?Q?never ends"), "=?utf-8?X?a?= =?utf-8?Q?never ends");
  EXPECT_EQ(decode_words("=?"), "=?");
  EXPECT_EQ(decode_words("=?a?Q?=4?="), "=4");
  EXPECT_EQ(decode_words("\xe9=?utf-8?Q?=FF?="), "éÿ");
}

TEST(WhiteSpace, collapses_every_kind_to_one_space) {
  EXPECT_EQ(collapsed(" a \t\r\n b\u00a0\u3000\u2003c\u2028\u0085 "), "a b c");
  EXPECT_EQ(collapsed(std::string_view("a\0\x1f\x7f"
                                       "b",
                                       5)),
            "a b");
  EXPECT_EQ(collapsed("\u200b\u2010\u00e9\u3042"), "\u200b\u2010\u00e9\u3042");
  EXPECT_EQ(collapsed("\u00a0"), "");
  std::string out = "a ";
  append_collapsed(out, " b ");
  EXPECT_EQ(out, "a b ");
}

}  // namespace
}  // namespace amas::data

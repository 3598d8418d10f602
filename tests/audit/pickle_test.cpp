#include "src/audit/pickle.h"

#include <string>

#include "src/audit/loaded_code.h"
#include "tests/catch.h"

using namespace weigh::core;
using namespace std::string_literals;

namespace {

LoadedCode look(std::string_view bytes) {
  MemorySource source(std::as_bytes(std::span(bytes)));
  std::uint64_t left = std::uint64_t{1} << 26U;
  return find_loaded_code(source, left);
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// A call of os.system, as each protocol writes it.
const std::string kProtocol0 = "cos\nsystem\n(S'id'\ntR.";
const std::string kProtocol2 =
    "\x80\x02"
    "cos\nsystem\nq\0X\x02\0\0\0idq\x01\x85q\x02Rq\x03."s;
const std::string kProtocol4 =
    "\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."s;
const std::string kHarmless =
    "\x80\x02"
    "ccollections\nOrderedDict\nq\0)Rq\x01."s;

std::string numpy(std::string_view type, std::string_view array) {
  std::string description = "{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (1,), }";
  description.resize(117, ' ');
  return "\x93NUMPY\x01\0v\0"s + description + '\n' + std::string(array);
}

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += i < 8 ? static_cast<char>(value >> (8 * i)) : '\0';
  return text;
}

// An archive of stored members; `behind` follows its end record.
std::string zip(const std::vector<std::pair<std::string, std::string>>& members, std::string_view behind = "") {
  std::string file;
  std::string directory;
  for (const auto& [name, content] : members) {
    const std::string sizes = number(0, 4) + number(content.size(), 4) + number(content.size(), 4);
    directory += "PK\x01\x02"s + number(20, 2) + number(20, 2) + number(0, 8) + sizes + number(name.size(), 2) +
                 number(0, 12) + number(file.size(), 4) + name;
    file +=
        "PK\x03\x04"s + number(20, 2) + number(0, 8) + sizes + number(name.size(), 2) + number(0, 2) + name + content;
  }
  const std::string end = "PK\x05\x06"s + number(0, 4) + number(members.size(), 2) + number(members.size(), 2) +
                          number(directory.size(), 4) + number(file.size(), 4) + number(0, 2);
  return file + directory + end + std::string(behind);
}

}  // namespace

TEST_CASE("pickles are found by their content, with what they import") {
  struct Row {
    std::string what;
    std::string bytes;
    std::string dangerous;  // the first such import; "" for none
  };
  const Row rows[] = {
      {"protocol 0", kProtocol0, "os.system"},
      {"protocol 2", kProtocol2, "os.system"},
      {"protocol 4", kProtocol4, "os.system"},
      {"INST", "(S'id'\nios\nsystem\n.", "os.system"},
      {"OBJ", "(cos\nsystem\nS'id'\no.", "os.system"},
      {"names out of the memo",
       "\x80\x04\x8c\x02os\x94\x8c\x06system\x94"
       "0(h\0h\x01\x93\x8c\x02id\x85R."s,
       "os.system"},
      {"invalid after the call",
       "\x80\x02"
       "cos\nsystem\n\x8c\x02id\x85R\xff\xff",
       "os.system"},
      {"no STOP", kProtocol2.substr(0, kProtocol2.size() - 1), "os.system"},
      {"text before it", "# a text\nwith lines\n" + kProtocol0, "os.system"},
      {"many words before it", std::string(1000, 'x') + ' ' + kProtocol4, "os.system"},
      {"after another pickle", kHarmless + kProtocol2, "os.system"},
      {"getattr of builtins",
       "\x80\x02"
       "c__builtin__\ngetattr\n(cos\nX\x06\0\0\0systemtR."s,
       "__builtin__.getattr"},
      {"in a NumPy array of objects", numpy("|O", kProtocol2), "os.system"},
      {"in an archive, behind its tensors", zip({{"m/data/0", std::string(100'000, 'x')}, {"m/data.pkl", kProtocol2}}),
       "os.system"},
      {"in an archive with something behind it", zip({{"data.pkl", kProtocol2}}, "more"), "os.system"},
      {"in an archive behind 5,000 other files", zip([] {
         std::vector<std::pair<std::string, std::string>> members;
         for (int i = 0; i < 5000; ++i) members.emplace_back("a" + std::to_string(i), "x");
         members.emplace_back("data.pkl", kProtocol2);
         return members;
       }()),
       "os.system"},
      {"in an archive in an archive", zip({{"a.bin", zip({{"b", kProtocol2}})}}), "os.system"},
      // python3: gzip.compress, bz2.compress, lzma.compress and zlib.compress of kProtocol0
      {"gzip", from_hex("1f8b08000000000002034bce2fe62aae2c2e49cde5d20856cf4c51e72a09d20300be45b82715000000"),
       "os.system"},
      {"bzip2",
       from_hex("425a68393141592653591f2f22a5000004d380001000c118000e228c2020002221a1b44f298a600028bc8e0424b8257e99358b"
                "b9229c28480f97915280"),
       "os.system"},
      {"xz",
       from_hex("fd377a585a000004e6d6b4460200210116000000742fe5a3010014636f730a73797374656d0a2853276964270a74522e000000"
                "00b58c30ae0b9516ac00012d152f0b716d1fb6f37d010000000004595a"),
       "os.system"},
      {"lzma", from_hex("5d00008000ffffffffffffffff00319bcac6b27c65dfdf91599fb1d67e2d716a0571564cf2f32897ffff98ce0000"),
       "os.system"},
      {"zlib", from_hex("789c4bce2fe62aae2c2e49cde5d20856cf4c51e72a09d203004f130693"), "os.system"},
      {"zlib twice", from_hex("789cab98e37d4eff99d63a1d3dcfb34f2f71849df7097caec5798999c15f986d3200c93f0bf6"),
       "os.system"},
      {"a dictionary", "\x80\x02}q\0."s, ""},
      {"harmless", kHarmless, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const LoadedCode code = look(row.bytes);
    CHECK(code.pickles.is_pickle);
    CHECK((code.pickles.dangerous.empty() ? "" : code.pickles.dangerous.front()) == row.dangerous);
  }
}

TEST_CASE("what is no pickle holds none") {
  const auto bytes = GENERATE(values<std::string>({
      "", "\x80", "N.", "a text of words.", "cos and sin\nare functions\n(so is R.\n",
      "import os\nfrom os import system\nsystem('id')\n", R"({"model_type": "llama", "a": [1, 2]})",
      std::string(64, '\0'), std::string(70'000, '\xff'), numpy("<f4", "1234"), zip({{"word/document.xml", "<xml>"}}),
      zip({}),
      "\x80\x02\0\0\0\0\0\0{\"a\":"s,  // a safetensors header of 640 bytes
  }));
  CAPTURE(bytes.substr(0, 40));
  CHECK(look(bytes).empty());
}

TEST_CASE("code that is kept with weights is found") {
  const LoadedCode script = look(zip({{"m/code/__torch__.py", "def forward(self):\n  import subprocess\n"}}));
  CHECK(script.code == std::vector<std::string>{"m/code/__torch__.py (TorchScript)"});
  CHECK(script.dangerous_code == std::vector<std::string>{"subprocess"});
  const std::string lambda = R"({"layers": [{"class_name" : "Lambda"}]})";
  CHECK(look(zip({{"config.json", lambda}})).code.size() == 1);
  CHECK(look("\x89HDF\r\n\x1a\n" + std::string(500, '\0') + lambda).code.size() == 1);
  CHECK(look(zip({{"config.json", R"({"class_name": "Dense"})"}})).empty());
}

TEST_CASE("a pickle that calls something can hide in a safetensors header") {
  // Its length, 0x4a0280 and more, is the opcodes PROTO 2 and BININT; the JSON is skipped as a string.
  const std::string json = "{\"a\":1}";
  std::string bytes("\x80\x02J\0\0\0\0\0", 8);
  CHECK_FALSE(is_calling_pickle(bytes + json));
  bytes = std::string("\x80\x02U\x05\0\0\0\0{", 9) + "cposix\nsystem\n(S'id'\ntR." + json;
  CHECK(is_calling_pickle(bytes));
  CHECK_FALSE(is_calling_pickle(bytes.substr(0, 12)));
}

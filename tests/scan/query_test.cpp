#include "src/scan/query.h"

#include <algorithm>
#include <array>

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kDay = 86400;
constexpr std::uint64_t kNow = 1'800'000'000;
const std::vector<std::string> kDevices{"rtx-4090", "h100-sxm"};

ScanRow mixtral() {
  ScanRow row;
  row.path = "/models/Mixtral-8x7B.Q4_K_M.gguf";
  row.name = "Mixtral-8x7B.Q4_K_M.gguf";
  row.format = "gguf";
  row.architecture = "llama";
  row.dtype = "Q4_K";
  row.dtypes = {"Q4_K", "Q6_K", "F32"};
  row.quantization = "Q4_K_M, 3 tensors otherwise";
  row.plan = "Q4_K_M";
  row.parameters = 46'702'792'704;
  row.active = 12'879'925'248;
  row.bits_per_weight = 4.87;
  row.file_bytes = 28'448'472'288;
  row.files = 1;
  row.experts = 8;
  row.verdicts = {{"rtx-4090", "no"}, {"h100-sxm", "fits"}};
  row.modified = kNow - 100 * kDay;
  row.used = kNow - 3600;
  return row;
}

}  // namespace

TEST_CASE("a filter compares numbers with their units and text without regard to case") {
  struct Case {
    const char* filter;
    bool takes;
  };
  const auto c = GENERATE(values<Case>({{"params>30B", true},
                                        {"params>46702792704", false},
                                        {"params>=46702792704", true},
                                        {"params>46.702792703 B", true},
                                        {"params<46.702792704B", false},
                                        {"params=46702792704", true},
                                        {"params!=46702792704", false},
                                        {"params<46.8B", true},
                                        {"active<=13b", true},
                                        {"bits<4.87", false},
                                        {"bits<=4.87", true},
                                        {"size>26GiB", true},
                                        {"size>28.5GB", false},
                                        {"size>27g", false},
                                        {"experts>0", true},
                                        {"errors>0", false},
                                        {"arch=LLaMA", true},
                                        {"arch!=llama", false},
                                        {"arch=lla", false},
                                        {"arch~lla", true},
                                        {"quant=q4_k_m", true},
                                        {"quant=Q4_K_M, 3 tensors otherwise", true},
                                        {"quant~Q4", true},
                                        {"quant~otherwise", true},
                                        {"quant!=Q4_K_M", false},
                                        {"quant=Q4_K", false},
                                        {"dtype~q4", true},
                                        {"dtype=Q6_K", true},
                                        {"dtype~Q8", false},
                                        {"name~8x7b", true},
                                        {"format=gguf", true},
                                        {"store=", true},
                                        {"verdict=fits", true},
                                        {"verdict=tight", false},
                                        {"verdict~fit", true},
                                        {"rtx-4090=fits", false},
                                        {"RTX-4090 != fits", true},
                                        {"h100-sxm = fits", true},
                                        {" params > 30 B ", true},
                                        {"parameters\t<\t30B", false},
                                        {"active_parameters>12B", true},
                                        {"architecture = llama", true},
                                        {"file_bytes > 20 GiB", true},
                                        {"bits_per_weight<5", true},
                                        {"name ~ 8x7b.q4", true},
                                        {"age>90d", true},
                                        {"age > 101 days", false},
                                        {"age<4mo", true},
                                        {"age<=2400h", true},
                                        {"age>=0.5y", false},
                                        {"used<2h", true},
                                        {"unused>1w", false}}));
  CAPTURE(c.filter);
  CHECK(Filter(c.filter, kDevices, kNow).takes(mixtral()) == c.takes);
}

TEST_CASE("what is not known meets no condition on it") {
  ScanRow row;
  CHECK_FALSE(Filter("params>0").takes(row));
  CHECK_FALSE(Filter("params<1T").takes(row));
  CHECK_FALSE(Filter("params!=1").takes(row));
  CHECK_FALSE(Filter("age>0d").takes(row));
  CHECK_FALSE(Filter("age<100y").takes(row));
  CHECK_FALSE(Filter("rtx-4090=fits", kDevices).takes(row));
}

TEST_CASE("a filter that says nothing is a usage error that names the fields") {
  const auto text = GENERATE(values<std::string>({"",
                                                  "params",
                                                  "colour=red",
                                                  "params~7",
                                                  "params>many",
                                                  "params>",
                                                  "arch>llama",
                                                  "size>8parsecs",
                                                  ">7B",
                                                  "params>-1",
                                                  "verdict=over",
                                                  "verdict~over",
                                                  "verdict!=maybe",
                                                  "format=zip",
                                                  "store=cellar",
                                                  "age=3d",
                                                  "age>soon",
                                                  "age>3",
                                                  "age>d",
                                                  "age~3d",
                                                  "rtx-3060=fits",
                                                  "rtx-4090=over",
                                                  "||>1"}));
  CAPTURE(text);
  CHECK_THROWS_AS(Filter(text, kDevices), UsageError);
  if (text == "colour=red") CHECK_THROWS_WITH(Filter(text), contains_text("parameters, active, bits, size"));
  if (text == "rtx-3060=fits") CHECK_THROWS_WITH(Filter(text, kDevices), contains_text("verdict, rtx-4090, h100-sxm"));
  if (text == "verdict=over") CHECK_THROWS_WITH(Filter(text), contains_text("fits, tight, offload, no, broken"));
}

TEST_CASE("rows are sorted largest first or from a to z, a minus turns that round, unknown comes last") {
  std::vector<ScanRow> rows(4);
  rows[0].name = "b";
  rows[0].parameters = 7;
  rows[1].name = "A";
  rows[1].parameters = 70;
  rows[2].name = "c";
  rows[3].name = "d";
  rows[3].parameters = 7;
  for (ScanRow& row : rows) row.path = row.name;
  const auto sorted = [&](const char* order) {
    std::vector<ScanRow> copy = rows;
    std::ranges::sort(copy, Order(order));
    std::string names;
    for (const ScanRow& row : copy) names += row.name;
    return names;
  };
  CHECK(sorted("params") == "Abdc");
  CHECK(sorted("-params") == "bdAc");
  CHECK(sorted("name") == "Abcd");
  CHECK(sorted("-name") == "dcbA");
  CHECK_THROWS_AS(Order("colour"), UsageError);
}

TEST_CASE("rows are sorted by age, oldest first, and by verdict, best first") {
  std::vector<ScanRow> rows(4);
  const std::array<const char*, 4> verdicts{"no", "fits", "offload", "broken"};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].path = rows[i].name = std::string(1, static_cast<char>('a' + i));
    rows[i].verdicts = {{"rtx-4090", verdicts[i]}, {"h100-sxm", i == 3 ? "fits" : "no"}};
    rows[i].modified = kNow - i * kDay;
  }
  rows[2].modified.reset();
  const auto sorted = [&](const char* order) {
    std::vector<ScanRow> copy = rows;
    std::ranges::sort(copy, Order(order, kDevices));
    std::string names;
    for (const ScanRow& row : copy) names += row.name;
    return names;
  };
  CHECK(sorted("age") == "dbac");
  CHECK(sorted("-age") == "abdc");
  CHECK(sorted("rtx-4090") == "bcad");
  CHECK(sorted("- rtx-4090") == "dacb");
  CHECK(sorted("verdict") == "bdca");
  CHECK_THROWS_AS(Order("rtx-4090"), UsageError);
}

TEST_CASE("sizes are read in both kinds of units") {
  CHECK(parse_bytes("--min-size", "1024") == 1024);
  CHECK(parse_bytes("--min-size", "1.5GiB") == 1610612736);
  CHECK(parse_bytes("--min-size", "500MB") == 500'000'000);
  CHECK(parse_bytes("--min-size", "2 kib") == 2048);
  for (const char* wrong : {"", "x", "-1", "1e400", "9999999999TB"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_bytes("--min-size", wrong), UsageError);
  }
}

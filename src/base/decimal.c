/* SPDX-License-Identifier: Apache-2.0 */
#include "base/decimal.h"

#include <stdint.h>
#include <string.h>

#include "base/numbers.h"

_Static_assert(
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first of eight digits is the lowest");

#define DIGITS_MOST 19    /* that a uint64_t always holds */
#define COPY_MOST 1024    /* bytes of a number that is read the slow way */
#define POWER_LEAST (-64) /* of ten, in the table */
#define POWER_MOST 64
#define MANTISSA 52 /* bits of a double's that are stored */
#define EXPONENT_MOST 2046

/* The upper 128 bits of 5^q, the highest one of them set, rounded down; of negative powers up. */
static const struct {
    uint64_t high, low;
} powers[] = {
    /* clang-format off */
    {0xA87FEA27A539E9A5u, 0x3F2398D747B36224u}, /* -64 */
    {0xD29FE4B18E88640Eu, 0x8EEC7F0D19A03AADu}, /* -63 */
    {0x83A3EEEEF9153E89u, 0x1953CF68300424ACu}, /* -62 */
    {0xA48CEAAAB75A8E2Bu, 0x5FA8C3423C052DD7u}, /* -61 */
    {0xCDB02555653131B6u, 0x3792F412CB06794Du}, /* -60 */
    {0x808E17555F3EBF11u, 0xE2BBD88BBEE40BD0u}, /* -59 */
    {0xA0B19D2AB70E6ED6u, 0x5B6ACEAEAE9D0EC4u}, /* -58 */
    {0xC8DE047564D20A8Bu, 0xF245825A5A445275u}, /* -57 */
    {0xFB158592BE068D2Eu, 0xEED6E2F0F0D56712u}, /* -56 */
    {0x9CED737BB6C4183Du, 0x55464DD69685606Bu}, /* -55 */
    {0xC428D05AA4751E4Cu, 0xAA97E14C3C26B886u}, /* -54 */
    {0xF53304714D9265DFu, 0xD53DD99F4B3066A8u}, /* -53 */
    {0x993FE2C6D07B7FABu, 0xE546A8038EFE4029u}, /* -52 */
    {0xBF8FDB78849A5F96u, 0xDE98520472BDD033u}, /* -51 */
    {0xEF73D256A5C0F77Cu, 0x963E66858F6D4440u}, /* -50 */
    {0x95A8637627989AADu, 0xDDE7001379A44AA8u}, /* -49 */
    {0xBB127C53B17EC159u, 0x5560C018580D5D52u}, /* -48 */
    {0xE9D71B689DDE71AFu, 0xAAB8F01E6E10B4A6u}, /* -47 */
    {0x9226712162AB070Du, 0xCAB3961304CA70E8u}, /* -46 */
    {0xB6B00D69BB55C8D1u, 0x3D607B97C5FD0D22u}, /* -45 */
    {0xE45C10C42A2B3B05u, 0x8CB89A7DB77C506Au}, /* -44 */
    {0x8EB98A7A9A5B04E3u, 0x77F3608E92ADB242u}, /* -43 */
    {0xB267ED1940F1C61Cu, 0x55F038B237591ED3u}, /* -42 */
    {0xDF01E85F912E37A3u, 0x6B6C46DEC52F6688u}, /* -41 */
    {0x8B61313BBABCE2C6u, 0x2323AC4B3B3DA015u}, /* -40 */
    {0xAE397D8AA96C1B77u, 0xABEC975E0A0D081Au}, /* -39 */
    {0xD9C7DCED53C72255u, 0x96E7BD358C904A21u}, /* -38 */
    {0x881CEA14545C7575u, 0x7E50D64177DA2E54u}, /* -37 */
    {0xAA242499697392D2u, 0xDDE50BD1D5D0B9E9u}, /* -36 */
    {0xD4AD2DBFC3D07787u, 0x955E4EC64B44E864u}, /* -35 */
    {0x84EC3C97DA624AB4u, 0xBD5AF13BEF0B113Eu}, /* -34 */
    {0xA6274BBDD0FADD61u, 0xECB1AD8AEACDD58Eu}, /* -33 */
    {0xCFB11EAD453994BAu, 0x67DE18EDA5814AF2u}, /* -32 */
    {0x81CEB32C4B43FCF4u, 0x80EACF948770CED7u}, /* -31 */
    {0xA2425FF75E14FC31u, 0xA1258379A94D028Du}, /* -30 */
    {0xCAD2F7F5359A3B3Eu, 0x096EE45813A04330u}, /* -29 */
    {0xFD87B5F28300CA0Du, 0x8BCA9D6E188853FCu}, /* -28 */
    {0x9E74D1B791E07E48u, 0x775EA264CF55347Eu}, /* -27 */
    {0xC612062576589DDAu, 0x95364AFE032A819Eu}, /* -26 */
    {0xF79687AED3EEC551u, 0x3A83DDBD83F52205u}, /* -25 */
    {0x9ABE14CD44753B52u, 0xC4926A9672793543u}, /* -24 */
    {0xC16D9A0095928A27u, 0x75B7053C0F178294u}, /* -23 */
    {0xF1C90080BAF72CB1u, 0x5324C68B12DD6339u}, /* -22 */
    {0x971DA05074DA7BEEu, 0xD3F6FC16EBCA5E04u}, /* -21 */
    {0xBCE5086492111AEAu, 0x88F4BB1CA6BCF585u}, /* -20 */
    {0xEC1E4A7DB69561A5u, 0x2B31E9E3D06C32E6u}, /* -19 */
    {0x9392EE8E921D5D07u, 0x3AFF322E62439FD0u}, /* -18 */
    {0xB877AA3236A4B449u, 0x09BEFEB9FAD487C3u}, /* -17 */
    {0xE69594BEC44DE15Bu, 0x4C2EBE687989A9B4u}, /* -16 */
    {0x901D7CF73AB0ACD9u, 0x0F9D37014BF60A11u}, /* -15 */
    {0xB424DC35095CD80Fu, 0x538484C19EF38C95u}, /* -14 */
    {0xE12E13424BB40E13u, 0x2865A5F206B06FBAu}, /* -13 */
    {0x8CBCCC096F5088CBu, 0xF93F87B7442E45D4u}, /* -12 */
    {0xAFEBFF0BCB24AAFEu, 0xF78F69A51539D749u}, /* -11 */
    {0xDBE6FECEBDEDD5BEu, 0xB573440E5A884D1Cu}, /* -10 */
    {0x89705F4136B4A597u, 0x31680A88F8953031u}, /* -9 */
    {0xABCC77118461CEFCu, 0xFDC20D2B36BA7C3Eu}, /* -8 */
    {0xD6BF94D5E57A42BCu, 0x3D32907604691B4Du}, /* -7 */
    {0x8637BD05AF6C69B5u, 0xA63F9A49C2C1B110u}, /* -6 */
    {0xA7C5AC471B478423u, 0x0FCF80DC33721D54u}, /* -5 */
    {0xD1B71758E219652Bu, 0xD3C36113404EA4A9u}, /* -4 */
    {0x83126E978D4FDF3Bu, 0x645A1CAC083126EAu}, /* -3 */
    {0xA3D70A3D70A3D70Au, 0x3D70A3D70A3D70A4u}, /* -2 */
    {0xCCCCCCCCCCCCCCCCu, 0xCCCCCCCCCCCCCCCDu}, /* -1 */
    {0x8000000000000000u, 0x0000000000000000u}, /* 0 */
    {0xA000000000000000u, 0x0000000000000000u}, /* 1 */
    {0xC800000000000000u, 0x0000000000000000u}, /* 2 */
    {0xFA00000000000000u, 0x0000000000000000u}, /* 3 */
    {0x9C40000000000000u, 0x0000000000000000u}, /* 4 */
    {0xC350000000000000u, 0x0000000000000000u}, /* 5 */
    {0xF424000000000000u, 0x0000000000000000u}, /* 6 */
    {0x9896800000000000u, 0x0000000000000000u}, /* 7 */
    {0xBEBC200000000000u, 0x0000000000000000u}, /* 8 */
    {0xEE6B280000000000u, 0x0000000000000000u}, /* 9 */
    {0x9502F90000000000u, 0x0000000000000000u}, /* 10 */
    {0xBA43B74000000000u, 0x0000000000000000u}, /* 11 */
    {0xE8D4A51000000000u, 0x0000000000000000u}, /* 12 */
    {0x9184E72A00000000u, 0x0000000000000000u}, /* 13 */
    {0xB5E620F480000000u, 0x0000000000000000u}, /* 14 */
    {0xE35FA931A0000000u, 0x0000000000000000u}, /* 15 */
    {0x8E1BC9BF04000000u, 0x0000000000000000u}, /* 16 */
    {0xB1A2BC2EC5000000u, 0x0000000000000000u}, /* 17 */
    {0xDE0B6B3A76400000u, 0x0000000000000000u}, /* 18 */
    {0x8AC7230489E80000u, 0x0000000000000000u}, /* 19 */
    {0xAD78EBC5AC620000u, 0x0000000000000000u}, /* 20 */
    {0xD8D726B7177A8000u, 0x0000000000000000u}, /* 21 */
    {0x878678326EAC9000u, 0x0000000000000000u}, /* 22 */
    {0xA968163F0A57B400u, 0x0000000000000000u}, /* 23 */
    {0xD3C21BCECCEDA100u, 0x0000000000000000u}, /* 24 */
    {0x84595161401484A0u, 0x0000000000000000u}, /* 25 */
    {0xA56FA5B99019A5C8u, 0x0000000000000000u}, /* 26 */
    {0xCECB8F27F4200F3Au, 0x0000000000000000u}, /* 27 */
    {0x813F3978F8940984u, 0x4000000000000000u}, /* 28 */
    {0xA18F07D736B90BE5u, 0x5000000000000000u}, /* 29 */
    {0xC9F2C9CD04674EDEu, 0xA400000000000000u}, /* 30 */
    {0xFC6F7C4045812296u, 0x4D00000000000000u}, /* 31 */
    {0x9DC5ADA82B70B59Du, 0xF020000000000000u}, /* 32 */
    {0xC5371912364CE305u, 0x6C28000000000000u}, /* 33 */
    {0xF684DF56C3E01BC6u, 0xC732000000000000u}, /* 34 */
    {0x9A130B963A6C115Cu, 0x3C7F400000000000u}, /* 35 */
    {0xC097CE7BC90715B3u, 0x4B9F100000000000u}, /* 36 */
    {0xF0BDC21ABB48DB20u, 0x1E86D40000000000u}, /* 37 */
    {0x96769950B50D88F4u, 0x1314448000000000u}, /* 38 */
    {0xBC143FA4E250EB31u, 0x17D955A000000000u}, /* 39 */
    {0xEB194F8E1AE525FDu, 0x5DCFAB0800000000u}, /* 40 */
    {0x92EFD1B8D0CF37BEu, 0x5AA1CAE500000000u}, /* 41 */
    {0xB7ABC627050305ADu, 0xF14A3D9E40000000u}, /* 42 */
    {0xE596B7B0C643C719u, 0x6D9CCD05D0000000u}, /* 43 */
    {0x8F7E32CE7BEA5C6Fu, 0xE4820023A2000000u}, /* 44 */
    {0xB35DBF821AE4F38Bu, 0xDDA2802C8A800000u}, /* 45 */
    {0xE0352F62A19E306Eu, 0xD50B2037AD200000u}, /* 46 */
    {0x8C213D9DA502DE45u, 0x4526F422CC340000u}, /* 47 */
    {0xAF298D050E4395D6u, 0x9670B12B7F410000u}, /* 48 */
    {0xDAF3F04651D47B4Cu, 0x3C0CDD765F114000u}, /* 49 */
    {0x88D8762BF324CD0Fu, 0xA5880A69FB6AC800u}, /* 50 */
    {0xAB0E93B6EFEE0053u, 0x8EEA0D047A457A00u}, /* 51 */
    {0xD5D238A4ABE98068u, 0x72A4904598D6D880u}, /* 52 */
    {0x85A36366EB71F041u, 0x47A6DA2B7F864750u}, /* 53 */
    {0xA70C3C40A64E6C51u, 0x999090B65F67D924u}, /* 54 */
    {0xD0CF4B50CFE20765u, 0xFFF4B4E3F741CF6Du}, /* 55 */
    {0x82818F1281ED449Fu, 0xBFF8F10E7A8921A4u}, /* 56 */
    {0xA321F2D7226895C7u, 0xAFF72D52192B6A0Du}, /* 57 */
    {0xCBEA6F8CEB02BB39u, 0x9BF4F8A69F764490u}, /* 58 */
    {0xFEE50B7025C36A08u, 0x02F236D04753D5B4u}, /* 59 */
    {0x9F4F2726179A2245u, 0x01D762422C946590u}, /* 60 */
    {0xC722F0EF9D80AAD6u, 0x424D3AD2B7B97EF5u}, /* 61 */
    {0xF8EBAD2B84E0D58Bu, 0xD2E0898765A7DEB2u}, /* 62 */
    {0x9B934C3B330C8577u, 0x63CC55F49F88EB2Fu}, /* 63 */
    {0xC2781F49FFCFA6D5u, 0x3CBF6B71C76B25FBu}, /* 64 */
    /* clang-format on */
};

__extension__ typedef unsigned __int128 wide;

/* What was read: digits × 10^power. */
struct decimal {
    uint64_t digits;
    int64_t power;
    bool negative;
    bool exact; /* all digits are there */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits on; returns where they end. */
static const char *take_digits(
    struct decimal *decimal, int *count, const char *at, const char *end, bool fraction)
{
    for (; at < end && is_digit(*at); at++) {
        if (*count > 0 || *at != '0') {
            if (++*count > DIGITS_MOST)
                decimal->exact = false;
            else
                decimal->digits = 10 * decimal->digits + (uint64_t)(*at - '0');
        }
        decimal->power -= fraction;
    }
    return at;
}

/* Reads an exponent at its 'e'; NULL where it is none. */
static const char *take_exponent(struct decimal *decimal, const char *at, const char *end)
{
    int64_t exponent = 0;
    at++;
    const bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end || !is_digit(*at))
        return NULL;
    for (; at < end && is_digit(*at); at++) {
        if (exponent < 100000)
            exponent = 10 * exponent + (*at - '0');
    }
    decimal->power += negative ? -exponent : exponent;
    return at;
}

/* Takes apart text[length]; false where it is no number. */
static bool read(struct decimal *decimal, const char *text, size_t length, char point)
{
    const char *at = text, *end = text + length;
    int count = 0;
    *decimal = (struct decimal){.exact = true};
    if (at < end && (*at == '-' || *at == '+'))
        decimal->negative = *at++ == '-';
    const char *first = at;
    at = take_digits(decimal, &count, at, end, false);
    bool any = at > first;
    if (at < end && *at == point) {
        first = ++at;
        at = take_digits(decimal, &count, at, end, true);
        any = any || at > first;
    }
    if (any && at < end && (*at == 'e' || *at == 'E'))
        at = take_exponent(decimal, at, end);
    return any && at == end;
}

/* The value of eight digits at once, of which the first is the lowest byte. */
static uint64_t eight_digits(uint64_t bytes)
{
    bytes -= 0x3030303030303030u;
    bytes = bytes * 10 + (bytes >> 8); /* pairs, in every other byte */
    return ((bytes & 0x000000FF000000FFu) * 0x000F424000000064u +
               (bytes >> 16 & 0x000000FF000000FFu) * 0x0000271000000001u) >>
           32;
}

/* Has the highest bit of the first byte, which is the lowest, that is no digit; 0: all are. What
 * higher bytes have means nothing then. */
static uint64_t not_digits(uint64_t bytes)
{
    return ((bytes + 0x4646464646464646u) | (bytes - 0x3030303030303030u)) & 0x8080808080808080u;
}

/* The same of the usual number, without an exponent and of 19 digits at most, zeros before them
 * too; false where it is another. */
static bool read_plain(struct decimal *decimal, const char *text, size_t length, char point)
{
    const char *at = text, *end = text + length;
    uint64_t digits = 0, bytes;
    *decimal = (struct decimal){.exact = true, .negative = at < end && *at == '-'};
    at += decimal->negative;
    const char *first = at, *fraction = NULL;
    while (at < end && is_digit(*at))
        digits = 10 * digits + (uint64_t)(*at++ - '0');
    if (at < end && *at == point) {
        fraction = ++at;
        for (; end - at >= 8; at += 8) {
            memcpy(&bytes, at, sizeof bytes);
            if (not_digits(bytes))
                break;
            digits = 100000000 * digits + eight_digits(bytes);
        }
        while (at < end && is_digit(*at))
            digits = 10 * digits + (uint64_t)(*at++ - '0');
    }
    const int64_t places = fraction ? end - fraction : 0, count = end - first - (fraction != NULL);
    decimal->digits = digits;
    decimal->power = -places;
    return at == end && count >= 1 && count <= DIGITS_MOST;
}

/* digits × 10^power by one or two multiplications of 64 by 64 bits (D. Lemire, Number Parsing at a
 * Gigabyte per Second, Software: Practice and Experience 51, 2021); false where they do not decide.
 */
static bool convert(double *value, uint64_t digits, int64_t power)
{
    static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    if (digits <= UINT32_MAX && power <= 0 && power > -10) { /* both are doubles, so one rounding */
        *value = (double)digits / tens[-power];
        return true;
    }
    if (power < POWER_LEAST || power > POWER_MOST)
        return false;
    const int zeros = __builtin_clzll(digits);
    const uint64_t w = digits << zeros;
    const uint64_t mask = UINT64_MAX >> (MANTISSA + 3);
    const wide first = (wide)w * powers[power - POWER_LEAST].high;
    uint64_t high = (uint64_t)(first >> 64), low = (uint64_t)first;
    if ((high & mask) == mask) {
        const wide second = (wide)w * powers[power - POWER_LEAST].low;
        const uint64_t carry = (uint64_t)(second >> 64);
        low += carry;
        high += carry > low;
    }
    if (low == UINT64_MAX && (power < -27 || power > 55))
        return false;
    const int upper = (int)(high >> 63), shift = upper + 64 - MANTISSA - 3;
    uint64_t mantissa = high >> shift;
    int64_t exponent = (((152170 + 65536) * power) >> 16) + 63 + upper - zeros + 1023;
    if (low <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa &= ~(uint64_t)1; /* just between two doubles */
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >= (uint64_t)2 << MANTISSA) {
        mantissa = (uint64_t)1 << MANTISSA;
        exponent++;
    }
    if (exponent < 1 || exponent > EXPONENT_MOST)
        return false;
    const uint64_t bits = (uint64_t)exponent << MANTISSA | (mantissa & ~((uint64_t)1 << MANTISSA));
    memcpy(value, &bits, sizeof *value);
    return true;
}

/* As mcl_number_parse() has it, whatever the digits. */
static bool convert_slowly(double *value, const char *text, size_t length, char point)
{
    char copy[COPY_MOST];
    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *separator = memchr(copy, point, length);
    if (separator)
        *separator = '.';
    return mcl_number_parse(value, copy);
}

bool mcl_decimal_parse(double *value, const char *text, size_t length, char point)
{
    struct decimal decimal;
    double size = 0.0;
    if (!read_plain(&decimal, text, length, point) && !read(&decimal, text, length, point))
        return false;
    if (!decimal.exact || (decimal.digits && !convert(&size, decimal.digits, decimal.power)))
        return convert_slowly(value, text, length, point);
    *value = decimal.negative ? -size : size;
    return true;
}

/* Takes digits on, eight at a time, with zeros before the last ones; returns where they end. There
 * are no branches that depend on how many those are, which processors could not predict. */
static const char *take_run(uint64_t *digits, const char *at)
{
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    for (;; at += 8) {
        uint64_t bytes;
        memcpy(&bytes, at, sizeof bytes);
        const uint64_t others = not_digits(bytes);
        if (!others) {
            *digits = 100000000 * *digits + eight_digits(bytes);
            continue;
        }
        const int count = __builtin_ctzll(others) / 8;
        bytes = bytes << (56 - 8 * count) << 8 | 0x3030303030303030u >> 8 * count;
        *digits = tens[count] * *digits + eight_digits(bytes);
        return at + count;
    }
}

/* The same as negative ? -size : size, without a branch. */
static double with_sign(double size, bool negative)
{
    uint64_t bits;
    memcpy(&bits, &size, sizeof bits);
    bits |= (uint64_t)negative << 63;
    memcpy(&size, &bits, sizeof size);
    return size;
}

const char *mcl_decimal_scan(double *value, const char *text, char point)
{
    const bool negative = *text == '-';
    const char *first = text + negative;
    uint64_t digits = 0;
    double size = 0.0;
    const char *at = take_run(&digits, first), *fraction = at;
    int64_t count = at - first;
    if (*at == point) {
        fraction = at + 1;
        at = take_run(&digits, fraction);
        count += at - fraction;
    }
    if (count < 1 || count > DIGITS_MOST || (digits && !convert(&size, digits, fraction - at)))
        return NULL;
    *value = with_sign(size, negative);
    return at;
}

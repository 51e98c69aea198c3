//! Rows of numbers and what they are, and two properties: no text panics, no junk is a number.

use proptest::prelude::*;

use super::*;

fn check(country: &str, dialled: &str, e164: &str, class: Class) {
    let country = Country::by_code(country).unwrap();
    let number = normalise(country, dialled).unwrap();
    assert_eq!((number.e164.as_str(), number.class), (e164, class), "{dialled} in {country:?}");
}

#[test]
fn numbers_of_the_united_states() {
    use Class::*;
    for (dialled, e164, class) in [
        ("911", "911", Emergency),
        ("9-1-1", "911", Emergency),
        ("933", "933", Emergency),
        ("988", "988", Emergency),
        ("411", "411", Premium),
        ("511", "511", Local),
        ("2025550100", "+12025550100", National),
        ("12025550100", "+12025550100", National),
        ("+12025550100", "+12025550100", National),
        ("+1 (202) 555-0100", "+12025550100", National),
        ("1.202.555.0100", "+12025550100", National),
        ("5550100", "5550100", Local),
        ("18005551234", "+18005551234", TollFree),
        ("8885551234", "+18885551234", TollFree),
        ("18225551234", "18225551234", Unknown),
        ("19005551234", "+19005551234", Premium),
        ("9005551234", "+19005551234", Premium),
        ("12029761234", "+12029761234", Premium),
        ("9761234", "9761234", Premium),
        ("12025551212", "+12025551212", Premium),
        ("5551212", "5551212", Premium),
        ("15005551234", "+15005551234", Premium),
        ("15335551234", "+15335551234", Premium),
        ("17005551234", "+17005551234", Premium),
        ("1010288", "1010288", Premium),
        ("10102880", "10102880", Premium),
        ("101028812025550100", "101028812025550100", Premium),
        ("14165550100", "+14165550100", International),
        ("01114165550100", "+14165550100", International),
        ("01144", "44", Unknown),
        ("011442079460000", "+442079460000", International),
        ("+442079460000", "+442079460000", International),
        ("011449098790000", "+449098790000", Premium),
        ("01149900123456", "+49900123456", Premium),
        ("011870776012345", "+870776012345", Satellite),
        ("011881612345678", "+881612345678", Satellite),
        ("01188234567890", "+88234567890", Satellite),
        ("01188334567890", "+88334567890", Satellite),
        ("011979123456789", "+979123456789", Premium),
        ("011878123456789", "+878123456789", Premium),
        ("011888123456789", "888123456789", Unknown),
        ("011999123456789", "999123456789", Unknown),
        ("01012025550100", "01012025550100", Unknown),
        ("0", "0", Unknown),
        ("00", "00", Unknown),
        ("0012025550100", "0012025550100", Unknown),
        ("1", "1", Unknown),
        ("204", "204", Unknown),
        ("11025550100", "11025550100", Unknown),
        ("12020550100", "12020550100", Unknown),
        ("12029110100", "12029110100", Unknown),
        ("12119550100", "12119550100", Unknown),
        ("2025550100123", "2025550100123", Unknown),
        ("9110", "9110", Unknown),
        ("1911", "1911", Unknown),
    ] {
        check("US", dialled, e164, class);
    }
}

/// Attack: islands that dial like a national call and cost like a yacht.
#[test]
fn every_island_behind_country_code_one_is_international() {
    for area in [
        242, 246, 264, 268, 284, 340, 345, 441, 473, 649, 658, 664, 670, 671, 684, 721, 758, 767, 784, 787, 809, 829,
        849, 868, 869, 876, 939,
    ] {
        check("US", &format!("1{area}5550100"), &format!("+1{area}5550100"), Class::International);
        check("US", &format!("{area}5550100"), &format!("+1{area}5550100"), Class::International);
        check("CA", &format!("1{area}5550100"), &format!("+1{area}5550100"), Class::International);
        check("GB", &format!("001{area}5550100"), &format!("+1{area}5550100"), Class::International);
    }
}

#[test]
fn no_area_code_is_in_two_lists_and_each_list_is_sorted() {
    let lists = [assigned::US_AREAS, assigned::CA_AREAS, assigned::ISLAND_AREAS];
    let mut all: Vec<u16> = lists.concat();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(lists.iter().all(|list| list.is_sorted()));
    assert!(assigned::COUNTRY_CODES.is_sorted());
}

#[test]
fn numbers_of_canada() {
    check("CA", "4165550100", "+14165550100", Class::National);
    check("CA", "12025550100", "+12025550100", Class::International);
    check("CA", "911", "911", Class::Emergency);
    check("CA", "16005550100", "+16005550100", Class::Premium);
}

#[test]
fn numbers_of_great_britain() {
    use Class::*;
    for (dialled, e164, class) in [
        ("999", "999", Emergency),
        ("112", "112", Emergency),
        ("18000", "18000", Emergency),
        ("02079460000", "+442079460000", National),
        ("+442079460000", "+442079460000", National),
        ("00442079460000", "+442079460000", National),
        ("07700900123", "+447700900123", Mobile),
        ("07911112345", "+447911112345", International),
        ("07797712345", "+447797712345", International),
        ("01534123456", "+441534123456", International),
        ("07012345678", "+447012345678", Premium),
        ("08001111", "+448001111", TollFree),
        ("08081570192", "+448081570192", TollFree),
        ("08431234567", "+448431234567", Premium),
        ("09098790000", "+449098790000", Premium),
        ("118118", "118118", Premium),
        ("116123", "116123", TollFree),
        ("0012025550100", "+12025550100", International),
        ("0019005550100", "+19005550100", Premium),
        ("0018005550100", "+18005550100", International),
        ("00882345678901", "+882345678901", Satellite),
        ("911", "911", Unknown),
        ("123456", "123456", Unknown),
    ] {
        check("GB", dialled, e164, class);
    }
}

#[test]
fn numbers_of_germany() {
    use Class::*;
    for (dialled, e164, class) in [
        ("110", "110", Emergency),
        ("112", "112", Emergency),
        ("116117", "116117", TollFree),
        ("11833", "11833", Premium),
        ("03023125000", "+493023125000", National),
        ("+493023125000", "+493023125000", National),
        ("015112345678", "+4915112345678", Mobile),
        ("017612345678", "+4917612345678", Mobile),
        ("016812345", "+4916812345", Premium),
        ("08001234567", "+498001234567", TollFree),
        ("0900123456", "+49900123456", Premium),
        ("0137123456", "+49137123456", Premium),
        ("01805123456", "+491805123456", Premium),
        ("070012345678", "+4970012345678", Premium),
        ("01019302312500", "01019302312500", Premium),
        ("0310", "49310", Unknown),
        ("00442079460000", "+442079460000", International),
        ("2312500", "2312500", Unknown),
    ] {
        check("DE", dialled, e164, class);
    }
}

#[test]
fn numbers_of_austria_switzerland_france_the_netherlands_and_australia() {
    use Class::*;
    for (country, dialled, e164, class) in [
        ("AT", "133", "133", Emergency),
        ("AT", "015123456", "+4315123456", National),
        ("AT", "0662123456", "+43662123456", National),
        ("AT", "06641234567", "+436641234567", Mobile),
        ("AT", "0800123456", "+43800123456", TollFree),
        ("AT", "0820123456", "+43820123456", Premium),
        ("AT", "0900123456", "+43900123456", Premium),
        ("AT", "11811", "11811", Premium),
        ("AT", "00493023125000", "+493023125000", International),
        ("CH", "117", "117", Emergency),
        ("CH", "1414", "1414", Emergency),
        ("CH", "0443211234", "+41443211234", National),
        ("CH", "0791234567", "+41791234567", Mobile),
        ("CH", "0800123456", "+41800123456", TollFree),
        ("CH", "0848123456", "+41848123456", Premium),
        ("CH", "0900123456", "+41900123456", Premium),
        ("CH", "1811", "1811", Premium),
        ("FR", "15", "15", Emergency),
        ("FR", "0142345678", "+33142345678", National),
        ("FR", "0612345678", "+33612345678", Mobile),
        ("FR", "0690123456", "+33690123456", International),
        ("FR", "0262123456", "+33262123456", International),
        ("FR", "0805123456", "+33805123456", TollFree),
        ("FR", "0899123456", "+33899123456", Premium),
        ("FR", "3240", "3240", Premium),
        ("NL", "112", "112", Emergency),
        ("NL", "0201234567", "+31201234567", National),
        ("NL", "0612345678", "+31612345678", Mobile),
        ("NL", "08001234", "+318001234", TollFree),
        ("NL", "09001234", "+319001234", Premium),
        ("NL", "0841234567", "+31841234567", Premium),
        ("AU", "000", "000", Emergency),
        ("AU", "0299999999", "+61299999999", National),
        ("AU", "0412345678", "+61412345678", Mobile),
        ("AU", "0891641234", "+61891641234", International),
        ("AU", "1800123456", "1800123456", TollFree),
        ("AU", "+611800123456", "+611800123456", TollFree),
        ("AU", "131114", "131114", Local),
        ("AU", "1902123456", "1902123456", Premium),
        ("AU", "0147123456", "+61147123456", Satellite),
        ("AU", "001112025550100", "+12025550100", International),
        ("AU", "001412025550100", "001412025550100", Premium),
    ] {
        check(country, dialled, e164, class);
    }
}

/// Where nobody can say what a number costs, none of them counts as a call at home.
#[test]
fn a_country_without_a_table_calls_nothing_national() {
    use Class::*;
    for (country, dialled, class) in [
        ("ES", "112", Emergency),
        ("ES", "061", Emergency),
        ("ES", "911234567", International),
        ("ES", "806123456", Premium),
        ("ES", "11888", Premium),
        ("IT", "0612345678", International),
        ("IE", "999", Emergency),
        ("IE", "012345678", International),
        ("SE", "00442079460000", International),
        ("PL", "12", Unknown),
    ] {
        assert_eq!(classify(Country::by_code(country).unwrap(), dialled), class, "{dialled} in {country}");
    }
    for country in careful::COUNTRIES {
        assert!(country.emergency().count() > 0, "{country:?}");
    }
}

#[test]
fn a_country_and_a_calling_code_are_listed_once() {
    let mut codes: Vec<&str> = Country::all().map(Country::code).collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), count);
}

#[test]
fn emergency_numbers_of_a_country_are_listed() {
    let of = |code| Country::by_code(code).unwrap().emergency().collect::<Vec<_>>();
    assert_eq!(of("US"), ["911", "933", "988"]);
    assert!(of("GB").contains(&"999") && of("GB").contains(&"112"));
    assert!(of("DE").contains(&"110") && of("DE").contains(&"112"));
}

#[test]
fn a_number_can_be_dialled_as_the_country_dials() {
    let of = |country, digits| Country::by_code(country).unwrap().national_form(digits);
    assert_eq!(of("US", "12025550100"), "12025550100");
    assert_eq!(of("US", "442079460000"), "011442079460000");
    assert_eq!(of("GB", "442079460000"), "02079460000");
    assert_eq!(of("DE", "12025550100"), "0012025550100");
}

/// Attacks 9, 10, 17, 18: data that would be destinations, options, patterns or star codes.
#[test]
fn what_is_no_number_is_refused() {
    for dialled in [
        "300&PJSIP/trunk/9005551234",
        "300%26trunk",
        "%2A72",
        "*72",
        "#9",
        "100,30,T",
        "G(ctx^ext^1)",
        "_X.",
        "18005CALLNOW",
        "+1+2025550100",
        "2025550100+",
        "tel:911",
        "911;phone-context=x",
        "91\u{0661}",
        "911\r\n",
        "９１１",
        "/etc/passwd",
    ] {
        let country = Country::us();
        assert!(matches!(normalise(country, dialled), Err(NotANumber::Character(_))), "{dialled}");
        assert_eq!(classify(country, dialled), Class::Unknown);
    }
    assert_eq!(normalise(Country::us(), ""), Err(NotANumber::Empty));
    assert_eq!(normalise(Country::us(), "+-."), Err(NotANumber::Empty));
    assert_eq!(normalise(Country::us(), &"9".repeat(MAX_DIGITS + 1)), Err(NotANumber::TooLong));
    assert_eq!(normalise(Country::us(), &"-".repeat(MAX_DIALLED + 1)), Err(NotANumber::TooLong));
}

#[test]
fn words_and_classes_agree() {
    for class in Class::ALL {
        assert_eq!(Class::from_word(class.word()), Some(class));
    }
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,90}") {
        for country in Country::all() {
            if let Ok(number) = normalise(country, &text) {
                prop_assert!(number.e164.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit()));
                prop_assert!(!number.e164.is_empty());
            }
        }
    }

    #[test]
    fn separators_change_nothing(digits in "[0-9]{1,18}", at in 0usize..18, sep in "[-. ()]") {
        for country in Country::all() {
            let mut dressed = digits.clone();
            dressed.insert_str(at.min(digits.len()), &sep);
            prop_assert_eq!(normalise(country, &digits), normalise(country, &dressed));
        }
    }

    #[test]
    fn a_number_and_its_full_form_have_one_class(digits in "[0-9]{3,15}") {
        for country in Country::all() {
            if let Ok(number) = normalise(country, &digits)
                && number.e164.starts_with('+')
            {
                prop_assert_eq!(normalise(country, &number.e164).unwrap(), number);
            }
        }
    }
}

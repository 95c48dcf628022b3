"""First names that are common in Brazil, without accents: enough to see that a name is being said. No command."""

FIRST_NAMES = frozenset(
    """
    adailton adalberto adao ademar ademir adilson adriana adriano agenor agnaldo aguinaldo ailton alan alberto aldair
    alessandra alessandro alex alexandra alexandre alexsandro alice aline alisson allan almir aloisio altair aluisio
    alvaro alzira amanda amelia ana anderson andre andrea andreia andressa andreza angela angelica angelo anita anna
    anselmo antonia antonio aparecida araujo arlete arlindo armando arnaldo arthur artur augusto aurea aurora ayrton
    barbara beatriz benedita benedito benicio bernardo betania bianca breno bruna bruno caio camila carla carlos carmem
    carmen carolina caroline cassia catarina cecilia celia celio celso cesar christian cicera cicero cintia clara
    clarice claudemir claudete claudia claudio claudineia cleber cleide cleidiane cleiton cleonice clovis cristiane
    cristiano cristina daiane dalva damiana damiao daniel daniela daniele danielle danilo dario davi david debora
    deise denilson denis denise diana diego dilma dimas diogo dirceu djalma domingos douglas dulce eder edilene edilson
    edimilson edina edinaldo edite edivaldo edmar edmilson edna edson eduarda eduardo elaine elba eleonora eliana eliane
    elias eliete elisa elisabete elisangela elizabete elizabeth elton elza emanuel emanuela emanuelle emerson emilia
    emilly enzo erica erick erico erika ernesto esdras ester eugenio eunice eurico eva evandro evelin evelyn everaldo
    everton expedito fabiana fabiano fabio fabricio fatima felipe fernanda fernando flavia flavio francinete francisca
    francisco franklin frederico gabriel gabriela gabriele gean geane geisa genilson genival george georgina geovana
    geralda geraldo geruza gerson gessica gilberto gilmar gilson gilvan giovana giovanna gisele giselle giulia glaucia
    gleice glória graca gracas graciela guilherme gustavo heitor helena helio heloisa henrique herbert hercules hilda
    hugo humberto iago ian iara igor ilma ines inacia inacio ingrid iolanda iracema iran irene iris isabel isabela
    isabella isabelle isadora isaias isis ismael israel italo itamar iuri ivan ivana ivanildo ivete ivo ivone ivonete
    izabel jacinta jackson jacqueline jadson jailson jaime jair jairo jamile janaina jandira jane janete jaqueline
    jean jeane jeferson jefferson jessica joana joao joaquim joaquina joel jonas jonatas jonathan jorge jose josefa
    joselito josiane josias josilene josue josy joyce juarez jucelino juliana juliane juliano julieta julio jurandir
    juscelino jussara karen karina karine karla katia kauan kaua keila kelly kevin laercio laila lais lara larissa
    laura lauro lavinia leandro leidiane leila lenilda leonardo leonor leticia levi lia lidia ligia lilian liliane
    lindalva livia lorena lourdes lourenco lourival luan luana lucas lucia luciana luciano lucimar lucio luis luisa
    luiz luiza luzia luzinete magali magda manoel manuel manuela mara marcela marcele marcelo marcia marcio marco
    margarete margarida maria mariana mariane marilda marilene marilia marina mario marisa maristela marizete marlene
    marli marlon marta mateus matheus matias maura mauricio mauro maxwell maycon mayara melissa michael michel michele
    michelle miguel milena milton mirela miriam moacir moises monica murilo nadia nadja nair nara natalia natan
    natanael nathalia neide neilton nelson nely neusa neuza newton nicolas nicole nilda nilson nilton nilza noemia norma
    nubia odete olavo olga olinda olivia orlando oscar osmar osvaldo oswaldo otavio paloma pamela patricia paula paulo
    pedro penha perla pietra pietro priscila rafael rafaela raimunda raimundo ramon raquel raul rayane rayssa rebeca
    regiane regina reginaldo regis reinaldo renan renata renato ricardo rita roberta roberto robson rodolfo rodrigo
    rogerio romario romero romulo ronaldo rosana rosangela roseane roseli rosemary rosemeire rosilene rosimeire
    rosineide rosinete ruan rubens ruth sabrina salete salomao samara samira samuel sandra sandro sara sarah saulo
    sebastiana sebastiao selma sergio severina severino sheila shirley sidney silas silvana silvania silvia silvio
    simone sirlene sofia solange sonia sophia stefany stella suelen sueli suely suzana taciana tais talita tamara
    tania tarcisio tatiana tatiane telma teresa tereza terezinha thais thales thalita thamires thiago tiago tomas
    ulisses valdecir valdemar valdenice valdir valdirene valentina valeria valmir valter vanda vandeilson vanderlei
    vanessa vania vera veronica vicente victor victoria vilma vinicius virginia vitor vivian viviane wagner waldemar
    walter wanderley wanessa washington wellington wendel wesley wilian william willian wilson yago yara yasmin yuri
    zelia zenaide zilda zuleide zulmira
    """.split()
)
